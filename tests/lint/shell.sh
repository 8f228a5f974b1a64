#!/usr/bin/env bash
# Every shell script, by shellcheck.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

while read -r script; do
	same "${script#./} passes shellcheck" "$(shellcheck -x -P "SCRIPTDIR:." -f gcc "$script" 2>&1)" ""
done < <(grep -rlIE --exclude-dir=build --exclude-dir=build-aux --exclude-dir=.git --exclude-dir=autom4te.cache \
	--exclude=configure --exclude=config.status --exclude='*~' '^#!.*[/ ](ba)?sh$' . | sort)
finish
