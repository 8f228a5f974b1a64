/* steering_schema.h -- the grammar of steering.yaml as a table, and what a file holds before its names are resolved.
 * Threads: any; the table is const. */
#ifndef ISOBAR_CONF_STEERING_SCHEMA_H
#define ISOBAR_CONF_STEERING_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/schema.h"

struct written_location {
	struct schema_place at;			/* node NULL: not given */
	const struct yaml_node *country;	/* or NULL */
	double latitude, longitude;
};

struct written_region {
	struct schema_place at;
	struct written_location location;
	double capacity;
	const char *const *jurisdictions, *const *risk_groups;
	size_t jurisdiction_count, risk_group_count;
	uint32_t price_ms;
};

struct written_network {
	struct prefix prefix;
	const struct yaml_node *node;
};

struct written_group {
	struct schema_place at;
	const struct written_network *networks;
	const struct yaml_node *const *countries, *const *continents;
	size_t network_count, country_count, continent_count;
	struct written_location location;
};

struct written_service_region {
	struct schema_place at;
	double weight;
	unsigned priority;			/* 0: not given */
};

struct written_rule {
	struct schema_place at;
	const struct yaml_node *const *clients, *const *regions;
	size_t client_count, region_count;
};

struct written_probe {
	struct schema_place at;			/* node NULL: not given */
	unsigned kind;				/* enum probe_kind; PROBE_NONE: not given */
	uint16_t port;				/* 0: not given */
	const char *path;			/* or NULL */
};

struct written_service {
	struct schema_place at;
	const struct written_service_region *regions;
	const struct written_rule *rules;
	size_t region_count, rule_count;
	unsigned policy, when_all_down;		/* enum sharding_policy, enum when_all_down */
	bool sticky;
	uint32_t ttl_max, ttl_min;		/* seconds; 0: not given */
	struct written_probe probe;
	uint32_t latency_max_ms;		/* 0: not given */
	unsigned class;
	bool shed;
};

struct written_planning {
	struct schema_place at;
	double normal_limit, loss_limit, safety, move_most;
	uint32_t failure_cost_ms, churn_cost_ms, weight_cost_ms;
	unsigned nearest;
};

struct written_recovery {
	struct schema_place at;
	uint32_t hold_down_ms, half_life_ms, step_ms;
	const double *steps;
	size_t step_count;			/* 0: not given */
};

struct written_feed_region {
	struct schema_place at;
	const char *const *called;
	size_t called_count;
};

struct written_word {
	struct schema_place at;
	double means;
};

struct written_series {
	struct schema_place at;
	const char *query, *unit;		/* unit: or NULL */
};

struct written_map {
	struct schema_place at;			/* node NULL: not given */
	const char *region, *id, *severity, *certainty, *onset, *expires, *text;
};

struct written_feed {
	struct schema_place at;
	unsigned kind;				/* enum feed_kind */
	const char *url, *token_file, *ca_file, *signal, *items, *region_label, *backend_label;
	uint32_t interval_ms, timeout_ms, stale_ms, lasts_ms, step_ms, delay_ms, history_ms;
	size_t size_most;
	unsigned series_most;
	struct written_map map;
	const struct written_feed_region *regions;
	const struct written_word *words;
	const struct written_series *series;
	size_t region_count, word_count, series_count;
};

struct written_dnssec {
	struct schema_place at;			/* node NULL: not given */
	unsigned on;
	unsigned algorithm, keys, denial;	/* words of the table */
	uint32_t validity_s, refresh_s, zsk_lifetime_s, key_ttl, parent_ttl, propagation_s;
};

struct written_transfer {
	struct schema_place at;
	const struct prefix *from;
	size_t from_count;
	const char *key;
	unsigned transport;			/* 0 any, 1 tls */
	unsigned region_records;		/* 0 as the zone, 1 shown */
};

struct written_notify {
	struct schema_place at;
	struct address to;
	uint16_t port;
	const char *key;
};

struct written_update {
	struct schema_place at;
	const char *key;			/* or NULL */
	const struct prefix *from;
	const char *const *names, *const *types;
	size_t from_count, name_count, type_count;
	unsigned transport;			/* 0 any, 1 tls */
	unsigned without_key;			/* 0 refused, 1 accepted */
};

struct written_primary_tls {
	struct schema_place at;			/* node NULL: not given */
	const char *name, *ca_file;		/* or NULL */
	const char *const *pins;
	size_t pin_count;
};

struct written_primary {
	struct schema_place at;
	const char *address, *key;		/* key: or NULL */
	struct written_primary_tls tls;
};

struct written_zone;

struct written_catalog {
	struct schema_place at;			/* node NULL: not given */
	unsigned role;				/* 0 producer, 1 consumer */
	unsigned members;			/* 0 listed, 1 all */
	size_t most;
	double deletion_most;
	const struct written_zone *templates;
	size_t template_count;
};

struct written_zone {
	struct schema_place at;
	struct written_catalog catalog;
	const struct yaml_node *catalog_zone;	/* or NULL */
	const char *catalog_group;		/* or NULL */
	struct written_dnssec dnssec;
	unsigned region_records;		/* 0 shown, 1 hidden */
	const struct written_transfer *transfers;
	const struct written_notify *notifies;
	size_t transfer_count, notify_count;
	const struct written_update *updates;
	size_t update_count;
	uint32_t health_serial_ms;
	size_t ixfr_history;
	const struct written_primary *primaries;
	size_t primary_count;
	uint32_t refresh_min_s, refresh_max_s, retry_min_s, retry_max_s, expire_min_s, expire_max_s;
	size_t size_most;
};

struct written_steering {
	uint32_t health_check_interval_ms, pae_update_interval_ms;
	unsigned prediction;			/* enum prediction_use */
	const char *geo_database;
	struct written_planning planning;
	struct written_recovery recovery;
	const struct written_region *regions;
	const struct written_group *groups;
	const struct written_service *services;
	const struct written_feed *feeds;
	const struct written_zone *zones;
	size_t region_count, group_count, service_count, feed_count, zone_count;
};

extern const struct schema steering_schema;	/* of struct written_steering */
extern const struct schema zone_schema;		/* of struct written_zone */

#endif
