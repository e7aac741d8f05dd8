#!/bin/bash
# test/slow: builds for longer than anybody waits.
echo "a slow build begins"
sleep 1000
