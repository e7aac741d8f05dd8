#!/bin/bash
# test/hungry: uses memory until it is killed.
echo "a hungry build begins"
tail /dev/zero
