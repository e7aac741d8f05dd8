#!/bin/bash
# test/hungry: what becomes of a build that uses all memory?
echo "a hungry build begins"
tail /dev/zero
