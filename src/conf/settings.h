/* settings.h -- isobar.yaml as plain data: what starts isobard.
 * Everything in it lives in `arena`; see isobar.yaml(5) for units and defaults. Threads: immutable once it's read. */
#ifndef ISOBAR_CONF_SETTINGS_H
#define ISOBAR_CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/log.h"
#include "conf/schema.h"

struct listener {
	struct address address;
	uint16_t port;
	uint16_t udp_payload;			/* of this listener; 0: the one of all */
};

/* Responses/s, by kind; 0: no limit. */
struct rate_settings {
	uint32_t answers, referrals, nodata, nxdomain, errors, all;
	uint32_t burst_ms;
	unsigned slip;
	uint8_t ipv4_prefix, ipv6_prefix;
	bool count_only;
	uint32_t table;				/* buckets of one worker */
	size_t exempt_count;
	const struct prefix *exempt;
};

/* At most one of socket and server. */
struct dnstap_settings {
	const char *socket;			/* path of the reader's; "": none */
	struct listener server;			/* the reader's, by TCP; bits 0: none */
	uint32_t sample;			/* one query of so many */
	bool queries, responses;
};

/* A key that clients, secondaries and we sign messages with (RFC 8945). */
struct tsig_setting {
	struct schema_place at;			/* its name */
	unsigned algorithm;			/* enum tsig_algorithm */
	const char *secret_file;
	const char *name;			/* as it's written */
	unsigned line;
};

struct settings {
	struct arena *arena;
	size_t listener_count;			/* at least 1; each for UDP and TCP */
	const struct listener *listeners;
	unsigned workers;			/* 0: one for each processor */
	const char *zones;			/* folder that is imported when the store is empty */
	const char *store;			/* path of the SQLite file */
	const char *models;			/* folder of the shipped models */
	const char *api_socket;			/* path of the UNIX socket */
	struct listener api_listener;		/* bits 0: no TCP */
	uint16_t udp_payload;			/* octets, 512 .. 4096 */
	bool cookies;
	const char *cookie_secrets;		/* path of the file, or "": secrets of our own */
	int cookies_required;			/* 0 never, 1 under attack, 2 always */
	uint32_t attack_rate;			/* queries/s without a valid cookie that are an attack */
	struct rate_settings rates;
	const char *dnssec_passphrase_file;	/* that seals keys in the store, or "" */
	const char *report_agent;		/* domain name, or "" (RFC 9567) */
	const char *nsid;			/* what the server calls itself; "": nothing */
	size_t identity_allow_count;
	const struct prefix *identity_allow;	/* who may ask for that, for the version and the epoch */
	uint32_t tcp_idle_timeout_ms, tcp_query_timeout_ms, tcp_answer_timeout_ms;
	unsigned tcp_connections;		/* of all clients */
	unsigned tcp_connections_per_prefix;
	uint16_t tcp_prefix_ipv4, tcp_prefix_ipv6;	/* lengths */
	unsigned tcp_queries_in_flight;		/* of one connection */
	size_t tls_listener_count;
	const struct listener *tls_listeners;
	const char *tls_certificate, *tls_key;	/* paths; NULL: none, and no listeners of TLS */
	uint32_t tls_handshake_timeout_ms;
	unsigned tls_handshakes;		/* under way, of all clients */
	unsigned tls_handshakes_per_prefix;
	uint32_t tls_handshake_rate;		/* that one prefix may begin in a second; 0: any */
	size_t proxy_count;
	const struct prefix *proxies;		/* who speaks the PROXY protocol */
	struct dnstap_settings dnstap;
	const char *query_log;			/* path; "": the log */
	size_t tsig_key_count;
	const struct tsig_setting *tsig_keys;
	unsigned transfers, transfers_per_client;	/* at once, out */
	unsigned transfers_in;				/* at once */
	uint32_t transfer_longest_ms;
	enum log_level log;
	bool pae_external;			/* true: something else starts isobar-pae */
	int64_t keep_samples_ms, keep_minutes_ms, keep_hours_ms, keep_reports_ms;	/* as in store.h */
};

extern const struct schema settings_schema;	/* what isobar.yaml(5) is tested against */

/* NULL after errors, all of them in `diags`. `text` is NUL-terminated; "" yields the defaults. */
struct settings *settings_read(const char *text, const char *file, struct diags *diags) NONNULL MUST_USE;
void settings_free(struct settings *settings);

#endif
