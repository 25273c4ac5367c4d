#!/bin/sh
# wasm-opt as worker-build calls it, but without the section of function names: an eighth of a Worker's compressed
# size, of use only in stack traces. A panic still logs its file and line.
for argument in "$@"; do
  shift
  [ "$argument" = --debuginfo ] || set -- "$@" "$argument"
done
exec wasm-opt "$@"
