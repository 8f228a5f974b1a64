#!/usr/bin/env bash
# What clang-format can't be asked for without breaking aligned comments and tables: widths, tabs, ends of lines, the
# comment at the top of each file, and words that promise something for later.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

width=120	# with tabs of 8
table_width=140	# in tests, whose tables of cases are read line by line

mapfile -t sources < <(find src rem-agent tests -name '*.[ch]' 2>/dev/null | sort)
mapfile -t texts < <(find src rem-agent tests man zones models ./*.ac ./*.am ./*.md dev .ci NEWS -type f \
	! -name '*.mmdb' ! -name '*.model' ! -name '*.bin' ! -name '*.gz' ! -name '*.csv' ! -path '*/corpus/*' 2>/dev/null | sort)

none() {	# NAME LINES
	same "$1" "$(head -n 20 <<<"$2")" ""
}

none "lines of C are at most $width columns" "$(for f in "${sources[@]}"; do
	w=$width
	[[ $f != tests/* ]] || w=$table_width
	expand -t 8 "$f" | awk -v f="$f" -v w="$w" 'length($0) > w { print f ":" NR ": " length($0) " columns" }'
done)"
none "C is indented by tabs, then at most 7 blanks" "$(grep -nE '^ {8}|^	* +	' "${sources[@]}")"
none "no blanks at the ends of lines" "$(grep -nIE '[[:blank:]]+$' "${texts[@]}")"
none "files end with one line end" "$(for f in "${texts[@]}"; do
	if [ -s "$f" ] && { [ -n "$(tail -c 1 "$f")" ] || [ -z "$(tail -n 1 "$f")" ]; }; then echo "$f"; fi
done)"
none "each file of C says what it is at its top" "$(for f in "${sources[@]}"; do
	head -n 1 "$f" | grep -qF "/* ${f##*/} -- " || echo "$f"
done)"
none "a definition's name starts its line" "$(awk '
	FNR == 1 { before = "" }
	{ gsub(/[ \t]*\/\*.*\*\//, "") }
	$0 == "{" && before ~ /^[a-z].*[ *][a-z_0-9]+\(/ { print FILENAME ":" FNR - 1 ": " before }
	/^[a-z].*[ *][a-z_0-9]+\(.*\) \{$/ { print FILENAME ":" FNR ": " $0 }
	{ before = $0 }' "${sources[@]}")"
none "no word promises something for later" "$(grep -nIwE 'TODO|FIXME|XXX|HACK' "${texts[@]}" |
	grep -vE '^tests/lint/layout\.sh:|XXXXXX')"

finish
