#!/usr/bin/env bash
# Manual pages by mandoc's own checks; its notices on style (case of titles, e.g.) are left out.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

for page in man/*.[1-9]; do
	[ -f "$page" ] || continue
	same "${page#man/} is clean mdoc" "$(mandoc -Tlint -W warning "$page" 2>&1)" ""
done
finish
