#!/bin/bash
# test/slow: what becomes of a build that takes longer than anybody waits?
echo "a slow build begins"
sleep 1000
