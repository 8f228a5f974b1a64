/* checks.h -- what single texts in settings must look like; schema_check_fn for the tables. Threads: any; pure. */
#ifndef ISOBAR_CONF_CHECKS_H
#define ISOBAR_CONF_CHECKS_H

#include "conf/schema.h"

schema_check_fn check_region_name;	/* one DNS label in lower case: it stands in <region>._region.<service> */
schema_check_fn check_catalog_group;	/* RFC 9432 section 4.3.2 */
schema_check_fn check_group_name;	/* of a client group that is being defined: never "default" */
schema_check_fn check_tag;		/* a short word: jurisdictions, risk groups */
schema_check_fn check_service_name;	/* a domain name that can be steered */
schema_check_fn check_zone_name;	/* a domain name that can be a zone here */
schema_check_fn check_country;		/* ISO 3166-1 alpha-2 */
schema_check_fn check_continent;
schema_check_fn check_path;		/* of a file */
schema_check_fn check_url_path;
schema_check_fn check_url;		/* "http://HOST..." or "https://HOST..." */
schema_check_fn check_feed_url;		/* the same, with neither user nor password */
schema_check_fn check_json_pointer;	/* RFC 6901 */
schema_check_fn check_label;		/* of Prometheus */
schema_check_fn check_controller;	/* the same, or "unix:/PATH" */
schema_check_fn check_host;
schema_check_fn check_rrtype;		/* of records that a zone may have */
schema_check_fn check_address_port;	/* "ADDRESS" or "ADDRESS@PORT" */
schema_check_fn check_pin;		/* SHA-256 in base64 */
schema_check_fn check_report_name;	/* fit for a report: agents, backends */
schema_check_fn check_metric;		/* [ALIAS=]NAME or [ALIAS=]NAME{label="value",...} */
schema_check_fn check_metric_prefix;
schema_check_fn check_status_range;	/* "200" or "200-399" */

/* What check_status_range() let pass. */
void status_range(const char *value, unsigned *least, unsigned *most) NONNULL;

#endif
