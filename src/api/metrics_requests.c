/* metrics_requests.c -- see metrics_parts.h: UPDATE and NOTIFY of others.
 * In: the counters of all workers, the desk.  Out: text.  Threads: control. */
#include "api/metrics_parts.h"
#include "serve/request_desk.h"

void
metrics_requests(struct exposition *x)
{
	const struct server *server = control_server(x->request->control);
	struct counters sum = { 0 };

	server_counters(server, &sum);
	metric_family(x->out, "isobar_updates_total", "counter", "DNS UPDATEs answered, by response code.");
	for (size_t i = 0; i < METRIC_RCODES; i++)
		metric_sample(x->out, "isobar_updates_total", (double)sum.updates[i], "rcode", metric_rcodes[i], NULL,
		    NULL);
	metric_single(x->out, "isobar_updates_repeated_total", "counter",
	    "DNS UPDATEs by UDP that came again while the first was under way.", (double)sum.updates_repeated);
	metric_single(x->out, "isobar_updates_waiting", "gauge", "DNS UPDATEs that are under way.",
	    request_desk_waiting(server_request_desk(server)));
	metric_family(x->out, "isobar_notify_received_total", "counter",
	    "NOTIFY requests, by whether a primary sent them.");
	metric_sample(x->out, "isobar_notify_received_total", (double)sum.notifies[0], "result", "taken", NULL, NULL);
	metric_sample(x->out, "isobar_notify_received_total", (double)sum.notifies[1], "result", "refused", NULL,
	    NULL);
}
