#!/usr/bin/env bash
# cppcheck's errors, warnings and portability notes.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

# missingInclude*: system headers aren't read. varFuncNullUB: a NULL that ends a list of arguments is a pointer here.
# arrayIndexThenCheck: reads a text up to its NUL and bounds what it is copied to.
findings=$(cppcheck -q -j2 --std=c11 --enable=warning,performance,portability --inline-suppr -Isrc -D_GNU_SOURCE \
	--suppress=missingIncludeSystem --suppress=missingInclude --suppress=varFuncNullUB --suppress=arrayIndexThenCheck --template='{file}:{line}: {id}: {message}' \
	src rem-agent 2>&1)
same "cppcheck finds nothing" "$findings" ""
finish
