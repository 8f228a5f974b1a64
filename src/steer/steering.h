/* steering.h -- what the operator wants, as plain data: the content of steering.yaml (see steering.yaml(5)).
 * conf/ fills it in, the locator, the planner and the snapshot are compiled from it. Everything in it lives in `arena`.
 * Threads: immutable once it's read. */
#ifndef ISOBAR_STEER_STEERING_H
#define ISOBAR_STEER_STEERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/contract.h"
#include "dns/name.h"
#include "dnssec/key.h"
#include "dnssec/signer.h"
#include "steer/region_set.h"

typedef double rate;		/* requests per second, finite, >= 0 */
typedef double probability;	/* 0 .. 1 */

#define CLIENT_GROUPS_MAX 2000
#define FEEDS_MAX 32		/* each is a process now and then */
#define GROUP_DEFAULT 0		/* built in: clients that no other group holds; residency rules may name it "default" */

struct location {
	bool known;
	double latitude, longitude;	/* degrees, -90 .. 90 and -180 .. 180 */
};

struct steering_region {
	const char *name;
	char country[3];		/* ISO 3166-1 alpha-2, or "" */
	struct location location;
	rate capacity;			/* 0: not given */
	size_t jurisdiction_count;
	const char *const *jurisdictions;
	size_t risk_group_count;
	const char *const *risk_groups;
	double price;			/* ms of latency that the operator would bear to spare a request there; >= 0 */
};

struct client_group {
	const char *name;
	size_t network_count;
	const struct prefix *networks;
	size_t country_count;
	const char (*countries)[3];	/* ISO 3166-1 alpha-2 */
	size_t continent_count;
	const char (*continents)[3];	/* AF AN AS EU NA OC SA */
	struct location location;	/* else the middle of its countries */
};

enum sharding_policy {
	POLICY_PREDICTIVE,
	POLICY_WEIGHTED_RANDOM,
	POLICY_ROUND_ROBIN,
	POLICY_GEOGRAPHIC,
	POLICY_PRIORITY,
};

enum when_all_down { ALL_DOWN_SERVE_LEGAL, ALL_DOWN_NODATA, ALL_DOWN_SERVFAIL };

enum probe_kind { PROBE_NONE, PROBE_TCP, PROBE_HTTP, PROBE_HTTPS };

struct service_region {
	region_id region;
	double weight;			/* > 0, finite; 1 when not given; 0 is allowed: last resort */
	unsigned priority;		/* 1 is first; the order of the list when not given */
};

struct residency_rule {
	size_t group_count;
	const uint16_t *groups;		/* indices into client_groups */
	struct region_set regions;
};

struct steering_service {
	const char *name;		/* presentation form, complete, final dot */
	const uint8_t *owner;		/* lower-case wire form */
	enum sharding_policy policy;
	size_t region_count;
	const struct service_region *regions;
	bool sticky;			/* a client keeps its region; default true, never for round-robin */
	uint32_t ttl_max, ttl_min;	/* seconds; 0: that of the records */
	size_t rule_count;
	const struct residency_rule *rules;
	enum when_all_down when_all_down;
	enum probe_kind probe;		/* outside-in probe of the region records' addresses */
	uint16_t probe_port;
	const char *probe_path;		/* for HTTP(S), else NULL */
	bool weighted;			/* some region's weight was written: the planner keeps near the weights */
	double latency_max_ms;		/* the planner's cap; 0: none */
	unsigned class;			/* 1 .. 9, default 5: 9 is shed first */
	bool shed;			/* under overload clients may get the owner's own records; default false */
	unsigned line;			/* in steering.yaml, for messages that come later */
};

struct planning {
	double normal_limit;		/* h0, default 0.85 */
	double loss_limit;		/* h1, default 0.99: whole slots need the rest */
	double safety;			/* quantile of the forecast that must fit, default 0.95 */
	double failure_cost_ms;		/* default 1000 */
	double churn_cost_ms;		/* default 2 */
	double weight_cost_ms;		/* for weighted services: ms for what is beyond the weights; default 200 */
	unsigned nearest;		/* default 6 */
	double move_most;		/* share of clients that an operator's change may move unasked, default 0.25 */
};

extern const struct planning planning_default;

/* How a region that was dead takes its clients back (control/round_recovery.c). All zero: at once. */
struct recovery {
	uint32_t hold_down_ms;		/* at the least, of one that dies again and again; 0: never held */
	uint32_t half_life_ms;		/* in which half of its deaths is forgotten; > 0 where it's held */
	uint32_t step_ms;		/* 0: the service's highest TTL and a health check interval */
	size_t step_count;
	const double *steps;		/* shares let in on the way to all, rising, 0 < share < 1 */
};

extern const struct recovery recovery_default;

enum feed_kind { FEED_JSON, FEED_GEOJSON, FEED_CAP, FEED_CAP_XML, FEED_PROMETHEUS };

/* A region, and what the feed calls it. */
struct feed_region {
	region_id region;
	size_t called_count;
	const char *const *called;
};

struct feed_word {
	const char *word;
	probability means;
};

struct feed_series {
	const char *metric, *query, *unit;	/* query: PromQL */
};

/* JSON pointers into an item, NULL: it has no such thing. */
struct feed_map {
	const char *region, *id, *severity, *certainty, *onset, *expires, *text;
};

/* Somebody else's data, pulled by isobar-pae. */
struct steering_feed {
	const char *name;
	enum feed_kind kind;
	const char *url;		/* http or https; of Prometheus the part before /api/v1 */
	uint32_t interval_ms, timeout_ms;
	uint32_t stale_ms;		/* after the last success: then nothing is known by it */
	size_t size_most;		/* octets of a body */
	const char *token_file, *ca_file;	/* or NULL */
	const char *signal;		/* name of the metric that it becomes, without "signal:" */
	uint32_t lasts_ms;		/* of an item that doesn't say when it's over */
	size_t region_count;
	const struct feed_region *regions;	/* all regions when none was written */
	const char *items;		/* JSON pointer to the list, "": the whole */
	struct feed_map map;
	size_t word_count;
	const struct feed_word *words;
	const char *region_label, *backend_label;	/* of Prometheus; backend_label may be NULL */
	uint32_t step_ms, delay_ms, history_ms;
	size_t series_count;
	const struct feed_series *series;
	unsigned series_most;		/* that one query may yield */
};

/* Who may have a zone whole; one of a zone's must fit. */
struct zone_transfer {
	size_t from_count;
	const struct prefix *from;	/* none: anybody */
	const char *key;		/* name of a TSIG key, as it's written; NULL: none is needed */
	bool encrypted;			/* by TLS only */
	bool region_records;		/* also those that the zone hides */
	unsigned line;
};

/* Who is told when a zone has a new serial. */
struct zone_notify {
	struct address to;
	uint16_t port;
	const char *key;		/* or NULL */
	unsigned line;
};

/* Who may change a zone's records by UPDATE (RFC 2136), and which; one of a zone's must fit. */
struct zone_update {
	size_t from_count;
	const struct prefix *from;	/* none: anybody */
	const char *key;		/* name of a TSIG key, as it's written; NULL: none is needed */
	bool encrypted;			/* by TLS only */
	size_t name_count, type_count;
	const char *const *names;	/* as written: owners, in which a label may be "*"; none: all */
	const uint16_t *types;		/* none: all but those that make the zone */
	unsigned line;
};

/* Whom a zone is transferred from. */
struct zone_primary {
	struct address address;
	uint16_t port;
	const char *key;		/* name of a TSIG key, as it's written; or NULL */
	bool encrypted;			/* by TLS, and in no other way */
	const char *tls_name;		/* that its certificate must be for; NULL: by pins alone */
	const char *tls_ca_file;	/* NULL: the system's */
	size_t pin_count;
	const char *const *pins;	/* SHA-256 of SubjectPublicKeyInfo, base64 */
	unsigned line;
};

/* Within what bounds the timers of a transferred zone's SOA count; seconds, each least <= most. */
struct zone_bounds {
	uint32_t refresh_min, refresh_max, retry_min, retry_max, expire_min, expire_max;
};

enum catalog_role { CATALOG_NONE, CATALOG_PRODUCER, CATALOG_CONSUMER };

/* A catalog zone (RFC 9432): one that isobard makes of its zones, or one of somebody else that it follows. */
struct zone_catalog {
	bool every_zone;		/* made: also of zones that name no catalog */
	/* followed: */
	size_t most;			/* members */
	double deletion_most;		/* share of its members that one version may take away */
	const struct steering_zone *members;	/* how members are served; name and apex are the catalog's */
	size_t group_count;
	const struct catalog_group {
		const char *name;
		const struct steering_zone *members;
	} *groups;			/* of members that have such a group */
};

/* How a zone is served beyond its records; zones that aren't named are served as they are. */
struct steering_zone {
	const char *name;		/* presentation form, complete, final dot */
	const uint8_t *apex;		/* lower-case wire form */
	bool is_signed;			/* by us */
	bool leaving;			/* .. until no cache has its DS any more, and then unsigned */
	enum key_algorithm algorithm;	/* of new keys; */
	bool keeps_algorithm;		/* or that of the keys there are */
	bool split_keys;		/* KSK and ZSK; else one CSK */
	enum denial_kind denial;
	uint32_t validity_s, refresh_s;	/* of signatures */
	uint32_t zsk_lifetime_s;	/* 0: ZSKs don't roll by themselves */
	uint32_t key_ttl, parent_ttl;	/* of DNSKEY; of DS */
	uint32_t propagation_s;		/* until every server has a change, ours and the parent's */
	bool hide_regions;		/* names of region records aren't answered */
	enum catalog_role catalog_role;
	const struct zone_catalog *catalog;	/* with a role; else NULL */
	const uint8_t *member_of;	/* apex of the catalog that the zone is in; or NULL */
	const char *member_group;	/* with member_of; or NULL */
	size_t transfer_count, notify_count;
	const struct zone_transfer *transfers;
	const struct zone_notify *notifies;
	size_t update_count;
	const struct zone_update *updates;
	uint32_t health_serial_ms;	/* at least, between serials that health makes */
	size_t ixfr_history;		/* octets of differences that are kept */
	size_t primary_count;
	const struct zone_primary *primaries;	/* with some the zone is transferred in, and can't be edited here */
	struct zone_bounds bounds;
	size_t size_most;		/* octets of a transfer in */
	unsigned line;			/* in steering.yaml */
};

/* What forecasts of failures are for. */
enum prediction_use {
	PREDICTION_ON,		/* plans and TTLs heed them */
	PREDICTION_ADVICE,	/* they are made, shown and scored, and nothing heeds them */
	PREDICTION_OFF,		/* none are made, of loads neither */
};

struct steering {
	struct arena *arena;
	unsigned holds;				/* holders besides the first; control thread only */
	struct steering *base;			/* held: what this one narrows (constrain.h), or NULL */
	uint32_t health_check_interval_ms;	/* default 5000 */
	uint32_t pae_update_interval_ms;	/* default 10000 */
	enum prediction_use prediction;		/* default: on */
	const char *geo_database;		/* mmdb path, or NULL */
	struct planning planning;
	struct recovery recovery;
	size_t feed_count;
	const struct steering_feed *feeds;	/* in the order of the file */
	size_t region_count;
	const struct steering_region *regions;
	size_t group_count;			/* at least 1: [0] is "default" */
	const struct client_group *groups;
	size_t service_count;
	const struct steering_service *services;	/* by owner in canonical order */
	size_t zone_count;
	const struct steering_zone *zones;	/* in the order of the file */
	const struct steering_zone *const *zones_by_apex;	/* in canonical order */
};

/* A steering with no region and no service, as a folder without steering.yaml has it. NULL: out of memory. */
struct steering *steering_empty(void) MUST_USE;
void steering_free(struct steering *steering);	/* the last of all holders frees; NULL is allowed */
static inline void steering_hold(struct steering *steering) { steering->holds++; }

/* NULL: there is none. */
const struct steering_feed *steering_feed_find(const struct steering *steering, const char *name) NONNULL;
const char *feed_kind_text(enum feed_kind kind);
region_id steering_region_find(const struct steering *steering, const char *name) NONNULL;	/* or NO_REGION */
const struct steering_service *steering_service_find(const struct steering *steering, const char *name) NONNULL;
/* NULL: nothing is written of this zone. `apex`: in lower case. */
const struct steering_zone *steering_zone_find(const struct steering *steering, const uint8_t *apex) NONNULL;
const char *sharding_policy_text(enum sharding_policy policy);
const char *prediction_use_text(enum prediction_use use);	/* as steering.yaml has it */

/* The regions where a client may be sent who belongs to exactly these groups (an AND of every rule that names one). */
struct region_set steering_legal(const struct steering_service *service, const uint16_t *groups, size_t count)
	__attribute__((nonnull(1)));

#endif
