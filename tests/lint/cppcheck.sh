#!/usr/bin/env bash
# cppcheck's errors, warnings and portability notes.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

# missingInclude*: system headers aren't read. unknownMacro is libuv's and libc's.
findings=$(cppcheck -q -j2 --std=c11 --enable=warning,performance,portability --inline-suppr -Isrc -D_GNU_SOURCE \
	--suppress=missingIncludeSystem --suppress=missingInclude --template='{file}:{line}: {id}: {message}' \
	src rem-agent 2>&1)
same "cppcheck finds nothing" "$findings" ""
finish
