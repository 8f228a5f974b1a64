/* types.h -- the numbers of the DNS that code refers to by name (IANA "DNS Parameters"). */
#ifndef ISOBAR_DNS_TYPES_H
#define ISOBAR_DNS_TYPES_H

enum rr_type {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15, TYPE_TXT = 16,
	TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43, TYPE_RRSIG = 46, TYPE_NSEC = 47,
	TYPE_DNSKEY = 48, TYPE_SVCB = 64, TYPE_HTTPS = 65,
	TYPE_TKEY = 249, TYPE_TSIG = 250, TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_ANY = 255,
};

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_ANY = 255 };

enum rcode {
	RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5, RCODE_YXDOMAIN = 6,
	RCODE_BADVERS = 16,	/* extended: needs OPT */
};

enum header_flag {
	FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080, FLAG_AD = 0x0020,
	FLAG_CD = 0x0010, FLAGS_OPCODE = 0x7800,
};

enum edns_option { EDNS_NSID = 3, EDNS_CLIENT_SUBNET = 8, EDNS_COOKIE = 10, EDNS_ERROR = 15 };

/* Extended DNS Errors, RFC 8914 section 4. */
enum ede { EDE_NONE = -1, EDE_OTHER = 0, EDE_STALE_ANSWER = 3, EDE_PROHIBITED = 18, EDE_NOT_AUTHORITATIVE = 20,
	EDE_NO_REACHABLE_AUTHORITY = 22, EDE_NETWORK_ERROR = 23 };

#define HEADER_SIZE 12
#define OPT_SIZE 11		/* of an OPT record without options */

#endif
