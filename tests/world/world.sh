#!/usr/bin/env bash
# tests/world/world.sh -- isobard among servers and clients that aren't ours: NSD delegates gtm.example.com to it, unbound
# resolves through both, dig and kdig ask.
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/world/peers.sh"

peers_enter "$0" nsd unbound unbound-control dig kdig
world_open

flood=$ISOBAR_BUILD/tests/tools/ecsflood
clients=10000

main() {
	start
	delegation
	plain_names
	big_answer
	case_of_names
	steered_name
	clients_keep_their_region
	shares_meet_the_weights
	finish
}

start() {
	mkdir "$world/zones"
	cp "$ISOBAR_SOURCE"/zones/*.zone "$world/zones/"
	# Without probes: here are no backends.
	sed '/ probe: /d' "$ISOBAR_SOURCE/zones/steering.yaml" >"$world/zones/steering.yaml"
	world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$world/zones" --listen 127.0.0.1@53 --listen 127.0.0.2@53
	holds "isobard answers" world_await 20 dig @127.0.0.1 +tries=1 +time=1 gtm.example.com SOA
	peers_parent
	same "NSD answers" $? 0
	peers_resolver example.com $parent_address
	same "unbound answers" $? 0
}

delegation() {
	same "the parent delegates" \
		"$(dig @$parent_address +norecurse +noall +authority www.gtm.example.com A | awk '{ print $4, $5 }' | sort)" \
		"$(printf 'NS ns1.gtm.example.com.\nNS ns2.gtm.example.com.')"
	same "what the parent says of the delegation is what isobard says" \
		"$(peers_ask +short gtm.example.com NS | sort | tr '\n' ' ')" "ns1.gtm.example.com. ns2.gtm.example.com. "
}

plain_names() {
	same "a wildcard answers" "$(peers_ask +short any.shop.gtm.example.com A)" 127.0.0.21
	same "an exact match answers" "$(peers_ask +short a.b.c.gtm.example.com A)" 127.0.0.22
	same "an empty non-terminal is NODATA" "$(status_of b.c.gtm.example.com A)" "NOERROR 0"
	same "a name that isn't there is NXDOMAIN" "$(status_of nope.gtm.example.com A)" "NXDOMAIN 0"
	same "a negative answer has the SOA's minimum as its TTL" \
		"$(dig @127.0.0.1 +noall +authority nope.gtm.example.com A | awk '{ print $2, $4 }')" "60 SOA"
	same "a CNAME leads to the steered name" \
		"$(peers_ask +short shop.gtm.example.com A +subnet=198.51.100.0/24 | tr '\n' ' ')" \
		"www.gtm.example.com. 127.0.0.11 "
	same "a DNAME leads into the nested zone" "$(peers_ask +short bench.old.gtm.example.com A | tail -n 1)" 127.0.0.32
	same "the nested zone answers" "$(peers_ask +short lab.gtm.example.com A)" 127.0.0.31
	same "a name below a delegation gets a referral with glue" \
		"$(kdig @127.0.0.1 +norec +noall +authority +additional q.partner.gtm.example.com A |
			awk '{ print $4, $5 }' | sort | tr '\n' ' ')" \
		"A 192.0.2.53 AAAA 2001:db8:53::53 NS ns.example.net. NS ns.partner.gtm.example.com. "
	same "a name outside of all zones is REFUSED" "$(kdig @127.0.0.1 example.org A | grep -o 'status: REFUSED')" \
		"status: REFUSED"
}

# Six records that 1232 octets can't hold.
big_answer() {
	local name=big.gtm.example.com
	same "a big answer by UDP is truncated" "$(dig @127.0.0.1 +ignore +noall +comments $name TXT | grep -c 'flags:.* tc')" 1
	same "dig gets it by TCP" "$(dig @127.0.0.1 +noall +answer $name TXT | wc -l)" 6
	same "kdig gets it by TCP" "$(kdig @127.0.0.1 +tcp +noall +answer $name TXT | wc -l)" 6
	same "unbound gets it by TCP" "$(peers_ask +noall +answer $name TXT | wc -l)" 6
	same "a client that promises 4096 octets gets no more than 1232" \
		"$(dig @127.0.0.1 +bufsize=4096 +ignore +noall +comments $name TXT | grep -c 'flags:.* tc')" 1
}

# unbound itself sends random case and refuses answers in another (use-caps-for-id); here it's seen directly too.
case_of_names() {
	same "0x20: the question comes back as it was asked" \
		"$(dig @127.0.0.1 +noall +question wWw.GtM.eXaMpLe.CoM A | grep -o 'wWw.GtM.eXaMpLe.CoM')" wWw.GtM.eXaMpLe.CoM
	same "0x20: the answer's owner too" \
		"$(dig @127.0.0.1 +noall +answer aNy.ShOp.gtm.example.com A | awk '{ print $1 }')" aNy.ShOp.gtm.example.com.
	same "0x20: unbound sees no server that changes case" "$(grep -ciE 'caps.*(fail|fallback)' "$world/log/unbound")" 0
}

steered_name() {
	local subnet=+subnet=198.51.100.0/24
	same "a client bound by residency gets the only legal region" "$(peers_ask +short www.gtm.example.com A $subnet)" 127.0.0.11
	same "its AAAA is of the same region" "$(peers_ask +short www.gtm.example.com AAAA $subnet)" 2001:db8:1::11
	same "the answer's scope is the client's prefix" \
		"$(dig @127.0.0.1 www.gtm.example.com A $subnet | grep -o 'CLIENT-SUBNET: .*')" \
		"CLIENT-SUBNET: 198.51.100.0/24/24"
	same "an answer that doesn't depend on the client has scope 0" \
		"$(dig @127.0.0.1 any.shop.gtm.example.com A $subnet | grep -o 'CLIENT-SUBNET: .*')" \
		"CLIENT-SUBNET: 198.51.100.0/24/0"
	same "the geographic policy sends India to ap-south" \
		"$(peers_ask +short cdn.gtm.example.com A +subnet=203.0.113.0/24)" 127.0.0.13
	same "and America to us-east" "$(peers_ask +short cdn.gtm.example.com A +subnet=192.0.2.0/24)" 127.0.0.12
	same "the priority policy sends all to the first" "$(peers_ask +short db.gtm.example.com A)" 127.0.0.11
	same "round-robin takes turns" \
		"$(for _ in 1 2 3 4; do dig @127.0.0.1 +short +nocookie _ldap._tcp.gtm.example.com TXT; done | sort | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" "2 2 "
	same "the TTL is at most the operator's" \
		"$(dig @127.0.0.1 +noall +answer www.gtm.example.com A | awk '{ print ($2 <= 30) }')" 1
}

clients_keep_their_region() {
	"$flood" -n 1000 127.0.0.1 53 www.gtm.example.com | cut -d ' ' -f 1,2 >"$world/direct"
	"$flood" -n 1000 $resolver_address $resolver_port www.gtm.example.com | cut -d ' ' -f 1,2 >"$world/resolved"
	peers_flush
	"$flood" -n 1000 $resolver_address $resolver_port www.gtm.example.com | cut -d ' ' -f 1,2 >"$world/again"
	"$flood" -n 1000 -t AAAA $resolver_address $resolver_port www.gtm.example.com | cut -d ' ' -f 1,2 |
		sed 's/2001:db8:[0-9]*::/127.0.0./' >"$world/ipv6"
	same "1,000 clients are answered through the resolver" "$(grep -c ' 127\.0\.0\.1[123]$' "$world/resolved")" 1000
	holds "each gets through the resolver what it gets directly" cmp "$world/direct" "$world/resolved"
	holds "each keeps it when the resolver has forgotten" cmp "$world/resolved" "$world/again"
	holds "each has the same region for AAAA" cmp "$world/resolved" "$world/ipv6"
}

shares_meet_the_weights() {
	"$flood" -n $clients $resolver_address $resolver_port www.gtm.example.com >"$world/shares"
	awk '{ print $2 }' "$world/shares" | sort | uniq -c
	near "eu-west" 127.0.0.11 50
	near "us-east" 127.0.0.12 30
	near "ap-south" 127.0.0.13 20
}

near() {	# REGION ADDRESS PERCENT: the share of 10,000 clients is within 1 % of the weight
	local count weight=$((clients * $3 / 100))
	count=$(grep -cF " $2 " "$world/shares")
	holds "the share of $1 over $clients clients is within 1 % of its weight" \
		test $(((count - weight) * 100)) -le $weight -a $(((weight - count) * 100)) -le $weight
}

status_of() {	# NAME TYPE: rcode and number of answers, through the resolver
	peers_ask "$1" "$2" | awk '/status:/ { sub(",", "", $6); rcode = $6 } /ANSWER: / { sub(/.*ANSWER: /, ""); sub(/,.*/, ""); print rcode, $0 }'
}

main
