#!/usr/bin/env bash
# Every source, header, script and manual page is named in Makefile.am (or lies in a folder that it names), so that the
# archive is complete; and every name there exists.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

names=$(grep -v '^#' Makefile.am | tr -s ' \t\\=' '\n' | grep -E '^[.a-z].*[/.]|^[a-zA-Z]+$' | sort -u)

wrong=
while read -r file; do
	found=no
	for name in "$file" "${file%.c}"; do
		grep -qxF "$name" <<<"$names" && found=yes
	done
	folder=${file%/*}
	while [ $found = no ] && [[ $folder == */* || -d $folder ]]; do
		grep -qxF "$folder" <<<"$names" && found=yes
		[[ $folder == */* ]] || break
		folder=${folder%/*}
	done
	[ $found = yes ] || wrong+="$file "
done < <(find src rem-agent tests man models zones -name '*.[ch1-9]' -o -path 'tests/*.sh' -o -path 'zones/*.sh' 2>/dev/null | sort)
same "every file is listed in Makefile.am" "$wrong" ""

wrong=
while read -r name; do
	[ -e "$name" ] || [ "$name" = src/libisobar.a ] || wrong+="$name "
done < <(grep -E '^(src|rem-agent|tests|man|models|zones)/.*\.[a-z0-9]+$' <<<"$names" | grep -v '\.pb-c\.')	# those are made by the build
same "every file listed in Makefile.am exists" "$wrong" ""
finish
