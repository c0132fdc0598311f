#!/bin/sh
# Builds libfunctions.so beside this file, or at the path given, against Forebay's headers.
#
#     FOREBAY_SOURCE=~/forebay ./build.sh [OUTPUT]
set -e
here=$(cd "$(dirname "$0")" && pwd)
source=${FOREBAY_SOURCE:-$here/../..}
${CXX:-c++} -std=c++20 -O2 -shared -fPIC -I "$source" -o "${1:-$here/libfunctions.so}" "$here/functions.cpp"
