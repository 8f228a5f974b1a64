/* verbs.c -- the table of verbs, from which the command line is read and the help is printed; isobarctl(8) is tested
 * against it.  In: words.  Out: a row.  Threads: one. */
#include <string.h>

#include "ctl/ctl.h"

#define CHANGE (OPTION_DRY_RUN | OPTION_REASON)
#define MOVING (CHANGE | OPTION_MOVE_LIMIT | OPTION_FORCE)	/* that clients may move by */

const struct verb verbs[] = {
	{ "status", "", 0, "how isobard is, and what is wrong", ctl_status_show },
	{ "apply", "DIR", MOVING, "make the folder's zones and steering.yaml what is served", ctl_apply },
	{ "export", "DIR", 0, "write what is served into a folder", ctl_export },
	{ "conf-check", "[DIR]", 0, "check a folder without isobard, and print every error", ctl_conf_check },
	{ "zone list", "", 0, "the zones", ctl_zone_list },
	{ "zone show", "ZONE", 0, "the records of a zone", ctl_zone_show },
	{ "zone check", "FILE [ZONE]", 0, "would this master file be taken?", ctl_zone_check },
	{ "zone import", "FILE [ZONE]", CHANGE, "serve this master file as the zone", ctl_zone_import },
	{ "zone export", "ZONE [FILE]", 0, "the master file of a zone", ctl_zone_export },
	{ "zone delete", "ZONE", CHANGE, "serve the zone no more", ctl_zone_delete },
	{ "zone primaries", "[ZONE]", 0, "where zones come from, and when there was word of it", ctl_zone_primaries },
	{ "zone refresh", "ZONE", OPTION_WHOLE, "ask the zone's primary now", ctl_zone_refresh },
	{ "zone secondaries", "[ZONE]", 0, "who gets the zones from here, and how far each has come",
	    ctl_zone_secondaries },
	{ "catalog list", "[CATALOG]", 0, "catalog zones and their members", ctl_catalog_list },
	{ "catalog confirm", "CATALOG", CHANGE, "the catalog's next version may delete as many members as it does",
	    ctl_catalog_confirm },
	{ "record set", "ZONE OWNER TYPE RDATA...", CHANGE | OPTION_TTL, "replace the records of a name and type",
	    ctl_record_set },
	{ "record delete", "ZONE OWNER [TYPE]", CHANGE, "delete the records of a name", ctl_record_delete },
	{ "key list", "[ZONE]", 0, "the keys of signed zones, and what each does now", ctl_key_list },
	{ "key ds", "ZONE", 0, "the DS records that the parent zone is to have", ctl_key_ds },
	{ "key gone", "ZONE", CHANGE, "the parent zone has no DS any more", ctl_key_gone },
	{ "key seen", "ZONE [TAG]", CHANGE, "the parent zone has the DS", ctl_key_seen },
	{ "key roll", "ZONE [ROLE]", CHANGE, "a new key takes over from the CSK, KSK or ZSK", ctl_key_roll },
	{ "key import", "ZONE FILE [ROLE]", CHANGE, "take a key from the files of BIND's or ldns' tools",
	    ctl_key_import },
	{ "key export", "ZONE TAG [DIR]", 0, "write a key into such files", ctl_key_export },
	{ "region list", "", 0, "the regions and how they are", ctl_region_list },
	{ "region show", "REGION", 0, "one region with its agents, backends and services", ctl_region_show },
	{ "drain", "REGION", CHANGE | OPTION_FOR | OPTION_FOREVER | OPTION_TO | OPTION_OVER | OPTION_SERVICE |
	    OPTION_FORCE, "keep clients away from a region for a time", ctl_drain },
	{ "undrain", "REGION", CHANGE | OPTION_OVER | OPTION_SERVICE, "end the drains and drills of a region",
	    ctl_undrain },
	{ "drill show", "", 0, "the drill that runs, and the verdicts on those before", ctl_drill_show },
	{ "drill", "REGION", CHANGE | OPTION_FRACTION | OPTION_FOR | OPTION_OVER | OPTION_WAIT,
	    "practise the loss of a part of a region, and stop when it hurts", ctl_drill },
	{ "service list", "", 0, "the services and where their clients go", ctl_service_list },
	{ "service show", "SERVICE", 0, "one service with its regions, client groups and rules", ctl_service_show },
	{ "weights", "", 0, "each service's shares, with what led to them", ctl_weights },
	{ "demand", "[SERVICE]", OPTION_LIMIT, "what clients ask for, by service and group", ctl_demand },
	{ "predictions", "", OPTION_WHY, "what is expected of each region, by horizon", ctl_predictions },
	{ "explain", "NAME", OPTION_CLIENT | OPTION_TYPE | OPTION_AT, "why a client gets, or got, its region",
	    ctl_explain },
	{ "plan show", "", 0, "the plan in service: shares, prices and why, loads now and in the worst loss",
	    ctl_plan_show },
	{ "plan diff", "[A] [B]", 0, "who moves between two epochs, or if a plan's file were published",
	    ctl_plan_diff },
	{ "plan history", "", OPTION_LIMIT, "the last epochs", ctl_plan_history },
	{ "whatif", "", OPTION_LOSE | OPTION_DRAIN | OPTION_DEMAND, "what would happen if regions were lost or drained",
	    ctl_whatif },
	{ "compare", "SERVER...", OPTION_NAME | OPTION_TYPE | OPTION_CLIENTS, "do these nameservers answer alike?",
	    ctl_compare },
	{ "plan verify", "FILE", OPTION_STEERING, "certify a plan without isobard: loads now and in every loss",
	    ctl_plan_verify },
	{ "feeds", "", 0, "the feeds: are they fresh, and what is wrong with them", ctl_feeds },
	{ "signals list", "", 0, "the events from outside that are in force or announced", ctl_signals_list },
	{ "signals post", "NAME REGION SEVERITY [CERTAINTY]", OPTION_FOR | OPTION_REASON,
	    "tell of an event, or replace it", ctl_signals_post },
	{ "signals end", "SIGNAL", 0, "the event is over", ctl_signals_end },
	{ "latency import", "FILE", CHANGE, "take measured latencies from a table", ctl_latency_import },
	{ "latency list", "", 0, "the measured latencies, imported or by agents", ctl_latency_list },
	{ "latency clear", "", CHANGE, "forget the imported latencies", ctl_latency_clear },
	{ "model list", "", 0, "the models", ctl_model_list },
	{ "model show", "MODEL", 0, "the card of a model", ctl_model_show },
	{ "model decisions", "", 0, "who was promoted, kept back or returned from, and why", ctl_model_decisions },
	{ "metrics import", "PATH", 0, "take history from a CSV file, or from a folder with its incidents",
	    ctl_metrics_import },
	{ "backtest", "", OPTION_BACKTEST | OPTION_TO,
	    "what forecasts would have been worth, on folders of data or on the store", ctl_backtest },
	{ "model train", "", 0, "train a model now", ctl_model_train },
	{ "token create", "NAME", OPTION_SCOPE | OPTION_FOR, "a new token, shown this one time", ctl_token_create },
	{ "token list", "", 0, "the tokens", ctl_token_list },
	{ "token revoke", "NAME", 0, "take a token back", ctl_token_revoke },
	{ "audit", "", OPTION_LIMIT | OPTION_VERIFY, "the journal: who changed what, when and why", ctl_audit },
	{ "stats", "", 0, "the counters", ctl_stats },
	{ "dnstap on", "", 0, "tell the reader of dnstap of queries", ctl_dnstap_on },
	{ "dnstap off", "", 0, "tell it of no more", ctl_dnstap_off },
	{ "dnstap status", "", 0, "is there a reader, and what was sent and dropped", ctl_dnstap_status },
	{ "cookies roll", "FILE", OPTION_DRY_RUN, "a step of the rollover of cookies' secrets that servers share",
	    ctl_cookies_roll },
	{ "query-log on", "", OPTION_SAMPLE | OPTION_FOR, "write a line for each query, for a time", ctl_query_log_on },
	{ "query-log off", "", 0, "end that", ctl_query_log_off },
	{ "query-log status", "", 0, "is it on, until when, and what was written", ctl_query_log_status },
	{ "reload", "", 0, "build what is served anew, and open the geo database again", ctl_reload },
	{ "stop", "", 0, "end isobard", ctl_stop },
};
const size_t verb_count = ARRAY_SIZE(verbs);

/* An option's place in struct ctl; another type than its argument calls for doesn't compile. */
#define FLAG(field) _Generic(((struct ctl *)NULL)->field, bool: offsetof(struct ctl, field))
#define TEXT(field) _Generic(((struct ctl *)NULL)->field, const char *: offsetof(struct ctl, field))

const struct verb_option verb_options[] = {
	{ OPTION_DRY_RUN, FLAG(dry_run), "dry-run", NULL, "say what would happen, and change nothing" },
	{ OPTION_REASON, TEXT(reason), "reason", "TEXT", "why, for the journal" },
	{ OPTION_FOR, TEXT(period), "for", "DURATION", "how long: 30m, 2h, 7d" },
	{ OPTION_FOREVER, FLAG(forever), "forever", NULL, "until it's ended by hand" },
	{ OPTION_TO, TEXT(to), "to", "PERCENT|TIME",
	    "drain: let in this part of the region's clients, 0 if left out; backtest: the end of the "
	    "span, now if left out" },
	{ OPTION_OVER, TEXT(over), "over", "DURATION", "how long the way there takes; at once if left out" },
	{ OPTION_SERVICE, TEXT(service), "service", "NAME", "of this service only" },
	{ OPTION_FRACTION, TEXT(fraction), "fraction", "F",
	    "the part of the region's clients that goes elsewhere: 0.2, 20%" },
	{ OPTION_WHOLE, FLAG(whole), "whole", NULL, "all of it, whatever its serial" },
	{ OPTION_WAIT, FLAG(wait), "wait", NULL, "until it's over, for the verdict" },
	{ OPTION_CLIENT, TEXT(client_address), "client", "ADDRESS",
	    "the client, its resolver, or a prefix such as 192.0.2.0/24" },
	{ OPTION_TYPE, TEXT(type), "type", "TYPE", "record type; A if left out" },
	{ OPTION_TTL, TEXT(ttl), "ttl", "SECONDS", "time to live of the records; 60 if left out" },
	{ OPTION_SCOPE, TEXT(scope), "scope", "SCOPE", "admin, read, pae or agent:REGION" },
	{ OPTION_LIMIT, TEXT(limit), "limit", "N", "how many entries; 100 if left out" },
	{ OPTION_SAMPLE, TEXT(sample), "sample", "N", "one query of so many; each if left out" },
	{ OPTION_VERIFY, FLAG(verify), "verify", NULL, "check the chain of hashes" },
	{ OPTION_LOSE, TEXT(lose), "lose", "REGION,..", "regions that are lost" },
	{ OPTION_DRAIN, TEXT(drain), "drain", "REGION=PERCENT", "a region lets in this part of its clients" },
	{ OPTION_DEMAND, TEXT(demand), "demand", "FACTOR", "all demand times this: x1.3" },
	{ OPTION_NAME, TEXT(name), "name", "NAME", "the name to ask for" },
	{ OPTION_CLIENTS, TEXT(clients), "clients", "FILE",
	    "addresses or prefixes, one a line; a spread of its own if left out" },
	{ OPTION_AT, TEXT(at), "at", "TIME", "a moment of the past: 2026-11-22T16:20:52Z, \"10m ago\", \"epoch 7\"" },
	{ OPTION_WHY, TEXT(why), "why", "REGION", "which features moved the probability of this region most" },
	{ OPTION_MOVE_LIMIT, TEXT(move_limit), "move-limit", "PERCENT",
	    "clients of a service that may move; as planning says if left out" },
	{ OPTION_FORCE, FLAG(force), "force", NULL, "do it beyond the limit; it's recorded" },
	{ OPTION_STEERING, TEXT(steering), "steering", "DIR",
	    "the folder of zones and steering.yaml; that of the settings if left out" },
	{ OPTION_BACKTEST, TEXT(backtest.train), "train", "DIR", "the folder of data that is learnt from" },
	{ OPTION_BACKTEST, TEXT(backtest.test), "test", "DIR",
	    "the folder that is forecast; without --train by itself, fold after fold" },
	{ OPTION_BACKTEST, TEXT(backtest.horizon), "horizon", "SECONDS", "how far ahead; 600 if left out" },
	{ OPTION_BACKTEST, TEXT(backtest.predictions), "predictions", "FILE",
	    "where timestamp,series,probability goes" },
	{ OPTION_BACKTEST, TEXT(backtest.load), "load", "METRIC", "forecast this metric" },
	{ OPTION_BACKTEST, TEXT(backtest.forecasts), "forecasts", "FILE",
	    "where timestamp,series,horizon_s,forecast goes" },
	{ OPTION_BACKTEST, TEXT(backtest.svg), "svg", "FILE", "where a page of plots goes" },
	{ OPTION_BACKTEST, TEXT(backtest.seed), "seed", "N", "of what is drawn at random; 1 if left out" },
	{ OPTION_BACKTEST, TEXT(backtest.from), "from", "TIME",
	    "the begin of the span of the store: 2026-11-22T16:20:52Z" },
	{ OPTION_BACKTEST, TEXT(backtest.model), "model", "MODEL",
	    "a model of the store; a new one, of what is before the span, if left out" },
	{ OPTION_BACKTEST, TEXT(backtest.store), "store", "FILE", "the store; that of the settings if left out" },
};
const size_t verb_option_count = ARRAY_SIZE(verb_options);

const struct verb *
verb_find(int count, char *const *words, int *used, const char **suggestion)
{
	const char *names[ARRAY_SIZE(verbs)];
	char two[128];

	*suggestion = NULL;
	snprintf(two, sizeof(two), "%s %s", words[0], count > 1 ? words[1] : "");
	for (size_t i = 0; i < verb_count; i++) {
		bool is_two = strchr(verbs[i].name, ' ') != NULL;

		names[i] = verbs[i].name;
		*used = is_two ? 2 : 1;
		if (strcmp(verbs[i].name, is_two ? two : words[0]) == 0)
			return &verbs[i];
	}
	*suggestion = text_suggest(two, names, verb_count);
	if (*suggestion == NULL)
		*suggestion = text_suggest(words[0], names, verb_count);
	return NULL;
}

void
verb_arity(const struct verb *verb, int *least, int *most)
{
	*least = *most = 0;
	for (const char *word = verb->arguments; *word != '\0';) {
		size_t length = strcspn(word, " ");

		*least += word[0] != '[';
		*most = length > 3 && memcmp(word + length - 3, "...", 3) == 0 ? 1000 : *most + 1;
		word += length + (word[length] == ' ');
	}
}

void
verbs_print(FILE *to)
{
	for (size_t i = 0; i < verb_count; i++) {
		char usage[64];

		snprintf(usage, sizeof(usage), "%s %s", verbs[i].name, verbs[i].arguments);
		fprintf(to, "  %-38s %s\n", usage, verbs[i].help);
	}
}

void
verb_print(const struct verb *verb, FILE *to)
{
	fprintf(to, "usage: isobarctl %s%s%s", verb->name, verb->arguments[0] == '\0' ? "" : " ", verb->arguments);
	for (size_t i = 0; i < verb_option_count; i++) {
		const struct verb_option *option = &verb_options[i];

		if (verb->options & option->option)
			fprintf(to, " [--%s%s%s]", option->name, option->argument == NULL ? "" : " ",
			    option->argument == NULL ? "" : option->argument);
	}
	fprintf(to, "\n  %s\n", verb->help);
	for (size_t i = 0; i < verb_option_count; i++)
		if (verb->options & verb_options[i].option)
			fprintf(to, "  --%-12s %s\n", verb_options[i].name, verb_options[i].help);
}
