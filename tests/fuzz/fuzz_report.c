/* fuzz_report.c -- report/report: any body is either refused with an error, or gives a report that keeps its promises
 * (finite numbers, canonical services, names once) and is written as JSON that reads back as the same. */
#define FUZZ_NAME "report"

#include "report/report.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const struct report *report)
{
	must(report->sequence > 0 && report->agent[0] != '\0' && strlen(report->agent) <= REPORT_NAME_MAX);
	must(isfinite(report->capacity) && report->capacity >= 0);
	must(report->backend_count <= REPORT_BACKENDS_MAX && report->metric_count <= REPORT_METRICS_MAX);
	for (size_t i = 0; i < report->backend_count; i++) {
		const struct report_backend *backend = &report->backends[i];

		must(backend->name[0] != '\0' && backend->service[strlen(backend->service) - 1] == '.');
		must(isnan(backend->latency_ms) || backend->latency_ms >= 0);
		for (size_t n = 0; n < i; n++)
			must(strcmp(backend->name, report->backends[n].name) != 0 ||
			    strcmp(backend->service, report->backends[n].service) != 0);
	}
	for (size_t i = 0; i < report->load_count; i++)
		must(isfinite(report->loads[i].requests_per_second) && report->loads[i].requests_per_second >= 0);
	for (size_t i = 0; i < report->metric_count; i++)
		must(isfinite(report->metrics[i].value) && report->metrics[i].name[0] != '\0');
	must(report->constrained || report->accept_count == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct diags diags = { 0 };
	struct report *report = report_read((const char *)bytes, length, "eu-west", &diags), *again;
	char *written, *rewritten;

	must((report == NULL) == diag_failed(&diags));
	if (report != NULL) {
		check(report);
		written = report_write(report);
		must(written != NULL);
		again = report_read(written, strlen(written), "eu-west", &diags);
		must(again != NULL);
		rewritten = report_write(again);
		must(rewritten != NULL && strcmp(written, rewritten) == 0);
		free(written);
		free(rewritten);
		report_free(again);
	}
	report_free(report);
	diag_fini(&diags);
	return 0;
}
