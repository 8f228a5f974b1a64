/* test_feed.c -- feed/: polygons on the globe, the life of alerts, mapped JSON, ranges of Prometheus, and what signals in
 * force say as numbers. */
#include "feed/pulled.h"

#include <math.h>

#include "base/text.h"
#include "conf/steering_yaml.h"
#include "feed/area.h"
#include "feed/in_force.h"
#include "feed/polygon.h"
#include "feed/prometheus.h"
#include "suite.h"

#define NOW_MS INT64_C(1763800000000)	/* 2025-11-22T08:26:40Z */

static const char yaml[] =
    "regions:\n"
    "  dublin: {location: {latitude: 53.3, longitude: -6.3}}\n"
    "  fiji:   {location: {latitude: -17.7, longitude: 178.0}}\n"
    "  samoa:  {location: {latitude: -13.8, longitude: -171.8}}\n"
    "  pole:   {location: {latitude: 89, longitude: 45}}\n"
    "  void: {}\n"
    "feeds:\n"
    "  alerts: {kind: geojson, url: 'http://h/', signal: weather, regions: {dublin: {}, fiji: {}, samoa: {}, pole: {},\n"
    "           void: {called: [VAZ053, Clare]}}}\n"
    "  cap: {kind: cap, url: 'http://h/', items: /alerts, signal: weather}\n"
    "  xml: {kind: cap-xml, url: 'http://h/', signal: published, regions: {dublin: {}, fiji: {}, samoa: {},\n"
    "        void: {called: [IE006, Clare]}}}\n"
    "  state: {kind: json, url: 'http://h/', items: /items, lasts: 10m, words: {bad: {means: 0.9}},\n"
    "          map: {region: /where, id: /id, severity: /level, certainty: /sure, onset: /from, expires: /to, text: /what},\n"
    "          regions: {dublin: {called: [DUB, dub1]}, fiji: {}}}\n"
    "  all: {kind: json, url: 'http://h/', map: {severity: /status~1page/0}, regions: [fiji, samoa]}\n"
    "  prom: {kind: prometheus, url: 'http://h/p/', step: 10s, delay: 5s, history: 10m, series-max: 3, regions: [dublin, fiji],\n"
    "         backend-label: pod, series: {cpu: {query: 'sum by (region) (x{a=\"b c\"})', unit: ratio}}}\n"
    "  one: {kind: prometheus, url: 'http://h', regions: [samoa], series: {up: {query: up}}}\n"
    "services: {www.example.: {regions: [dublin]}}\n";

static struct steering *steering;

static int
read_steering(void)
{
	struct diags diags = { 0 };
	struct text text = { 0 };

	steering = steering_read(yaml, "f", &diags);
	diag_print(&diags, &text);
	if (steering == NULL)
		fprintf(stderr, "%s", text.bytes);
	text_fini(&text);
	diag_fini(&diags);
	return steering == NULL;
}

/* --- polygons ---------------------------------------------------------------------------------------------------- */

#define RING(...) (const struct position[]){ __VA_ARGS__ }, \
	sizeof((const struct position[]){ __VA_ARGS__ }) / sizeof(struct position)

static const struct polygon_row {
	const char *name;
	const struct position *outer;
	size_t outer_count;
	const struct position *hole;
	size_t hole_count;
	struct position place;
	bool inside;
} polygon_rows[] = {
	{ "a box", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }, { 0, 0 }), NULL, 0, { 5, 5 }, true },
	{ "not closed", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }), NULL, 0, { 5, 5 }, true },
	{ "beside it", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }), NULL, 0, { 11, 5 }, false },
	{ "above it", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }), NULL, 0, { 5, 11 }, false },
	{ "in a hole", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }),
	    RING({ 4, 4 }, { 6, 4 }, { 6, 6 }, { 4, 6 }), { 5, 5 }, false },
	{ "beside a hole", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 0, 10 }),
	    RING({ 4, 4 }, { 6, 4 }, { 6, 6 }, { 4, 6 }), { 3, 5 }, true },
	{ "in a dent", RING({ 0, 0 }, { 10, 0 }, { 10, 10 }, { 5, 2 }, { 0, 10 }), NULL, 0, { 5, 8 }, false },
	{ "across the antimeridian, east", RING({ 170, -20 }, { -170, -20 }, { -170, -10 }, { 170, -10 }), NULL, 0,
	    { 175, -15 }, true },
	{ "across the antimeridian, west", RING({ 170, -20 }, { -170, -20 }, { -170, -10 }, { 170, -10 }), NULL, 0,
	    { -175, -15 }, true },
	{ "across the antimeridian, not around the world", RING({ 170, -20 }, { -170, -20 }, { -170, -10 },
	    { 170, -10 }), NULL, 0, { 0, -15 }, false },
	{ "a hole across the antimeridian", RING({ 160, -30 }, { -160, -30 }, { -160, 0 }, { 160, 0 }),
	    RING({ 175, -20 }, { -175, -20 }, { -175, -10 }, { 175, -10 }), { -179, -15 }, false },
	{ "longitudes past 180", RING({ 170, -20 }, { 190, -20 }, { 190, -10 }, { 170, -10 }), NULL, 0, { -175, -15 },
	    true },
	{ "longitudes from 0 to 360", RING({ 350, 50 }, { 358, 50 }, { 358, 55 }, { 350, 55 }), NULL, 0, { -6.3, 53.3 },
	    true },
	{ "the whole world", RING({ -180, -90 }, { 180, -90 }, { 180, 90 }, { -180, 90 }), NULL, 0, { 100, 40 }, true },
	{ "a band around the world", RING({ -180, 0 }, { 180, 0 }, { 180, 10 }, { -180, 10 }), NULL, 0, { 100, 40 },
	    false },
	{ "around the north pole", RING({ 0, 70 }, { 120, 70 }, { -120, 70 }), NULL, 0, { 45, 89 }, true },
	{ "outside of it", RING({ 0, 70 }, { 120, 70 }, { -120, 70 }), NULL, 0, { 45, 60 }, false },
	{ "around the south pole", RING({ 0, -70 }, { 120, -70 }, { -120, -70 }), NULL, 0, { 45, -80 }, true },
	{ "and not the other one", RING({ 0, -70 }, { 120, -70 }, { -120, -70 }), NULL, 0, { 45, 80 }, false },
	{ "a line", RING({ 0, 0 }, { 10, 10 }, { 0, 0 }), NULL, 0, { 5, 5.1 }, false },
};

/* Wherever a ring begins and whichever way it goes, it's the same. */
static void
test_polygons(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(polygon_rows); i++) {
		const struct polygon_row *row = &polygon_rows[i];

		for (size_t turn = 0; turn < 2 * row->outer_count; turn++) {
			struct position turned[8];
			struct ring rings[] = { { row->outer_count, turned }, { row->hole_count, row->hole } };

			for (size_t k = 0; k < row->outer_count; k++)
				turned[k] = row->outer[(turn < row->outer_count ? k + turn :
				    2 * row->outer_count - k + turn) % row->outer_count];
			SUITE_ROW(row->name, polygon_has(rings, row->hole == NULL ? 1 : 2, row->place) == row->inside);
		}
	}
}

/* --- documents --------------------------------------------------------------------------------------------------- */

static const struct document_row {
	const char *name, *feed, *json;	/* or XML, where the feed is */
	const char *expected;		/* "region id severity certainty onset-expires\n" .. | left out | error | notes */
} document_rows[] = {
#define BOX(features) "{\"type\":\"FeatureCollection\",\"features\":[" features "]}"
#define DUBLIN "\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[-7,53],[-6,53],[-6,54],[-7,54],[-7,53]]]}"
#define TIMES "\"onset\":\"2025-11-22T08:00:00Z\",\"expires\":\"2025-11-22T10:00:00+01:00\""
#define STORM(id, more) "{\"type\":\"Feature\"," DUBLIN ",\"properties\":{\"id\":\"" id "\",\"severity\":\"Severe\"," \
	"\"certainty\":\"Likely\"," TIMES more "}}"
	{ "nothing", "alerts", BOX(""), "0|||" },
	{ "an alert", "alerts", BOX(STORM("a", "")), "dublin a 0.75 0.75 -1600..2000;0|||" },
	{ "ends is nearer than expires", "alerts", BOX(STORM("a", ",\"ends\":\"2025-11-22T08:30:00Z\"")),
	    "dublin a 0.75 0.75 -1600..200;0|||" },
	{ "over", "alerts", BOX(STORM("a", ",\"ends\":\"2025-11-22T08:20:00Z\"")), "0|||" },
	{ "past", "alerts", BOX(STORM("a", ",\"urgency\":\"Past\"")), "0|||" },
	{ "an exercise", "alerts", BOX(STORM("a", ",\"status\":\"Exercise\"")), "0|||" },
	{ "an update replaces", "alerts",
	    BOX(STORM("a", "") "," STORM("b", ",\"messageType\":\"Update\",\"references\":[{\"identifier\":\"a\"}]")),
	    "dublin b 0.75 0.75 -1600..2000;0|||" },
	{ "whatever the order", "alerts",
	    BOX(STORM("b", ",\"msgType\":\"Update\",\"references\":\"w@x,a,2025-11-22T08:00:00Z w@x,c,2025\"") "," STORM("a", "")
		"," STORM("c", "")), "dublin b 0.75 0.75 -1600..2000;0|||" },
	{ "a cancellation", "alerts",
	    BOX(STORM("a", "") "," STORM("b", ",\"messageType\":\"Cancel\",\"references\":[\"w,a,t\"]")), "0|||" },
	{ "a chain", "alerts", BOX(STORM("a", "") ","
	    STORM("b", ",\"messageType\":\"Update\",\"references\":[{\"identifier\":\"a\"}]") ","
	    STORM("c", ",\"messageType\":\"Cancel\",\"references\":[{\"identifier\":\"b\"}]")), "0|||" },
	{ "an exercise cancels nothing", "alerts", BOX(STORM("a", "") ","
	    STORM("b", ",\"status\":\"Test\",\"messageType\":\"Cancel\",\"references\":[{\"identifier\":\"a\"}]")),
	    "dublin a 0.75 0.75 -1600..2000;0|||" },
	{ "a code without a polygon", "alerts", BOX("{\"geometry\":null,\"properties\":{\"id\":\"a\",\"geocode\":{\"SAME\":"
	    "[\"1\"],\"UGC\":[\"VAZ052\",\"VAZ053\"]}," TIMES "}}"), "void a 0.5 0.5 -1600..2000;0|||" },
	{ "a name", "alerts", BOX("{\"properties\":{\"id\":\"a\",\"areaDesc\":\"Galway; Clare\"," TIMES "}}"),
	    "void a 0.5 0.5 -1600..2000;0|||" },
	{ "polygons across the antimeridian", "alerts", BOX("{\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[["
	    "170,-20],[-170,-20],[-170,-10],[170,-10],[170,-20]]]]},\"properties\":{\"id\":\"a\"," TIMES "}}"),
	    "fiji a 0.5 0.5 -1600..2000;samoa a 0.5 0.5 -1600..2000;0|||" },
	{ "a bad area among good ones", "alerts", BOX("{\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[1,2],[3,\"x\"]]]},"
	    "\"properties\":{\"id\":\"a\"}}," STORM("b", "")),
	    "dublin b 0.75 0.75 -1600..2000;1||/features/0/geometry/coordinates/0/1: a position is [longitude, latitude] in degrees|" },
	{ "a word that is none makes it unknown", "alerts", BOX(STORM("a", ",\"x\":1") ",{" DUBLIN ",\"properties\":{\"id\":\"b\","
	    "\"severity\":\"Awful\"," TIMES "}}"), "dublin a 0.75 0.75 -1600..2000;dublin b nan 0.5 -1600..2000;1||"
	    "/features/1/properties/severity: isn't a word of CAP|" },
	{ "no identifier at all", "alerts", BOX("{" DUBLIN ",\"properties\":{}}"),
	    "1|none of 1 alerts could be read: /features/0/properties/id: is missing|"
	    "/features/0/properties/id: is missing|" },
	{ "no collection", "alerts", "{\"type\":\"Topology\"}", "0|/type: not a FeatureCollection with features||" },
	{ "a list", "alerts", "[]", "0|/type: not a FeatureCollection with features||" },

#define CAP(id, more, area) "{\"identifier\":\"" id "\",\"sender\":\"w\",\"sent\":\"2025-11-22T08:00:00Z\"" more ",\"info\":[{" \
	"\"event\":\"Gale\",\"severity\":\"Extreme\",\"certainty\":\"Observed\",\"expires\":\"2025-11-22T09:00:00Z\",\"area\":" area "}]}"
	{ "CAP: a polygon", "cap", "{\"alerts\":[" CAP("a", "", "{\"polygon\":\"53,-7 53,-6 54,-6 54,-7 53,-7\"}") "]}",
	    "dublin a 1 1 -1600..2000;0|||" },
	{ "CAP: a circle and a list", "cap", "{\"alerts\":[{\"alert\":" CAP("a", "",
	    "[{\"circle\":[\"53,-6.5 100\",\"-17,178 10\"]}]") "}]}", "dublin a 1 1 -1600..2000;0|||" },
	{ "CAP: one alert", "cap", "{\"alerts\":" CAP("a", "", "[{\"circle\":\"-17.7,178 1\"}]") "}",
	    "fiji a 1 1 -1600..2000;0|||" },
	{ "CAP: cancelled", "cap", "{\"alerts\":[" CAP("a", "", "{\"circle\":\"53,-6.5 100\"}") ","
	    CAP("b", ",\"msgType\":\"Cancel\",\"references\":\"w,a,2025-11-22T08:00:00Z\"", "[]") "]}", "0|||" },
	{ "CAP: a bad circle", "cap", "{\"alerts\":[" CAP("a", "", "{\"circle\":\"53,-6.5\"}") "]}",
	    "1|none of 1 alerts could be read: /alerts/0/info/0/area/circle: a circle is \"latitude,longitude kilometres\"|"
	    "/alerts/0/info/0/area/circle: a circle is \"latitude,longitude kilometres\"|" },
	{ "CAP: no list", "cap", "{}", "0|/alerts: neither an alert nor a list of alerts||" },

#define CAP_NS "urn:oasis:names:tc:emergency:cap:1.2"
#define HEAD(id, status, type, more) "<identifier>" id "</identifier><sender>w@x</sender>" \
	"<sent>2025-11-22T08:00:00-00:00</sent><status>" status "</status><msgType>" type "</msgType><scope>Public</scope>" more
#define INFO(severity, more) "<info><language>en</language><category>Met</category><event>Gale</event>" \
	"<urgency>Expected</urgency><severity>" severity "</severity><certainty>Likely</certainty>" \
	"<onset>2025-11-22T09:30:00+01:00</onset><expires>2025-11-22T09:00:00-00:00</expires>" more "</info>"
#define AROUND(place) "<area><areaDesc>there</areaDesc>" place "</area>"
#define ON_DUBLIN AROUND("<polygon>53,-7 53,-6\n\t54,-6 54,-7 53,-7</polygon>")
#define XML(id, status, type, more, infos) "<alert xmlns='" CAP_NS "'>" HEAD(id, status, type, more) infos "</alert>"
#define GALE(id, more) XML(id, "Actual", "Alert", more, INFO("Severe", ON_DUBLIN))
#define ATOM(entries) "<?xml version='1.0' encoding='UTF-8'?>\n<feed xmlns='http://www.w3.org/2005/Atom' xmlns:cap='" CAP_NS \
	"'><id>u</id><title>Warnings</title>" entries "</feed>"
	{ "XML: an alert", "xml", GALE("a", ""), "dublin a 0.75 0.75 200..2000;0|||" },
	{ "XML: by a prefix, with a declaration and comments", "xml", "<?xml version='1.0'?><!-- x --><c:alert xmlns:c='" CAP_NS "'>"
	    "<c:identifier> a\n</c:identifier><c:status>Actual</c:status><c:info><c:severity>Minor<!-- y --></c:severity><c:area>"
	    "<c:circle>-17.7,178 1</c:circle></c:area></c:info></c:alert>", "fiji a 0.25 0.5 none..3600;0|||" },
	{ "XML: without a namespace", "xml", "<alert>" HEAD("a", "Actual", "Alert", "") INFO("Severe", ON_DUBLIN) "</alert>",
	    "dublin a 0.75 0.75 200..2000;0|||" },
	{ "XML: names of others aren't CAP's", "xml", "<alert xmlns='" CAP_NS "' xmlns:o='o'>" HEAD("a", "Actual", "Alert", "")
	    "<info><severity>Severe</severity><o:severity>Awful</o:severity><parameter><value>Extreme</value></parameter>"
	    "<resource><severity>Minor</severity></resource>" ON_DUBLIN "</info></alert>", "dublin a 0.75 0.5 -1600..3600;0|||" },
	{ "XML: an exercise", "xml", XML("a", "Exercise", "Alert", "", INFO("Severe", ON_DUBLIN)), "0|||" },
	{ "XML: a test", "xml", XML("a", "Test", "Alert", "", INFO("Severe", ON_DUBLIN)), "0|||" },
	{ "XML: languages tell of one thing, and the worse counts", "xml", XML("a", "Actual", "Alert", "", INFO("Minor", ON_DUBLIN)
	    INFO("Extreme", ON_DUBLIN)), "dublin a 1 0.75 200..2000;0|||" },
	{ "XML: many areas, shapes and codes", "xml", XML("a", "Actual", "Alert", "", INFO("Severe", ON_DUBLIN
	    AROUND("<circle>0,0 1</circle><circle>-17.7,178 10</circle>") AROUND("<geocode><valueName>EMMA_ID</valueName>"
	    "<value>IE005</value></geocode><geocode><valueName>EMMA_ID</valueName><value>IE006</value></geocode>"))),
	    "dublin a 0.75 0.75 200..2000;fiji a 0.75 0.75 200..2000;void a 0.75 0.75 200..2000;0|||" },
	{ "XML: codes in one field, a name", "xml", "<alerts>" XML("a", "Actual", "Alert", "", INFO("Severe",
	    AROUND("<geocode><valueName>UGC</valueName><value>IE001 IE006\nIE007</value></geocode>")))
	    XML("b", "Actual", "Alert", "", INFO("Severe", "<area><areaDesc>Galway; Clare</areaDesc></area>")) "</alerts>",
	    "void a 0.75 0.75 200..2000;void b 0.75 0.75 200..2000;0|||" },
	{ "XML: an update takes the place, in a wrapper", "xml", "<w:alerts xmlns:w='w'>" GALE("a", "")
	    XML("b", "Actual", "Update", "<references>w@x,a,2025-11-22T08:00:00-00:00</references>", INFO("Minor", ON_DUBLIN))
	    "</w:alerts>", "dublin b 0.25 0.75 200..2000;0|||" },
	{ "XML: a cancellation takes back", "xml", "<alerts>" GALE("a", "") GALE("c", "")
	    XML("b", "Actual", "Cancel", "<references>w@x,z,t\n w@x,a,t</references>", "") "</alerts>",
	    "dublin c 0.75 0.75 200..2000;0|||" },
	{ "XML: an exercise takes nothing back", "xml", "<alerts>" GALE("a", "")
	    XML("b", "Exercise", "Cancel", "<references>w@x,a,t</references>", "") "</alerts>", "dublin a 0.75 0.75 200..2000;0|||" },
	{ "XML: a word that is none, a bad circle", "xml", "<alerts>" GALE("a", "")
	    XML("b", "Actual", "Alert", "", INFO("Awful", ON_DUBLIN))
	    XML("c", "Actual", "Alert", "", INFO("Minor", AROUND("<circle>53,-6.5</circle>"))) "</alerts>",
	    "dublin a 0.75 0.75 200..2000;dublin b nan 0.75 200..2000;2||/1/info/0/severity: isn't a word of CAP|"
	    "/2/info/0/area/0/circle: a circle is \"latitude,longitude kilometres\"|" },
	{ "XML: no identifier", "xml", "<alert xmlns='" CAP_NS "'/>", "1|none of 1 alerts could be read: /0/identifier: is missing|"
	    "/0/identifier: is missing|" },
	{ "Atom: nothing in force", "xml", ATOM(""), "0|||" },
	{ "Atom: alerts as content", "xml", ATOM("<entry><id>u1</id><content type='text/xml'>" GALE("a", "") "</content></entry>"
	    "<entry><cap:severity>Extreme</cap:severity>" GALE("b", "") "</entry>"),
	    "dublin a 0.75 0.75 200..2000;dublin b 0.75 0.75 200..2000;0|||" },
	{ "Atom: fields in the entry", "xml", ATOM("<entry><id>u1</id><title>Gale</title><cap:event>Gale</cap:event>"
	    "<cap:effective>2025-11-22T08:00:00+00:00</cap:effective><cap:expires>2025-11-22T09:00:00+00:00</cap:expires>"
	    "<cap:status>Actual</cap:status><cap:msgType>Alert</cap:msgType><cap:severity>Severe</cap:severity>"
	    "<cap:certainty>Observed</cap:certainty><cap:areaDesc>x</cap:areaDesc><cap:polygon/>"
	    "<cap:geocode><valueName>UGC</valueName><value>IE001 IE006</value></cap:geocode></entry>"
	    "<entry><id>u2</id><cap:identifier>b</cap:identifier><cap:status>Test</cap:status>"
	    "<cap:areaDesc>Clare</cap:areaDesc></entry>"),
	    "void u1 0.75 1 -1600..2000;0|||" },
	{ "Atom: one has only a link", "xml", ATOM("<entry><id>u1</id><link href='http://h/1'/></entry><entry><id>u2</id>"
	    "<cap:severity>Minor</cap:severity><cap:areaDesc>Clare</cap:areaDesc></entry>"), "void u2 0.25 0.5 none..3600;1||"
	    "/entry/0: has neither an alert in it nor fields of CAP; links aren't followed|" },
	{ "RSS: only links", "xml", "<rss version='2.0'><channel><title>x</title><item><title>a</title><guid>g</guid>"
	    "<link>http://h/a</link></item></channel></rss>", "1|none of 1 alerts could be read: /entry/0: has neither an alert in it "
	    "nor fields of CAP; links aren't followed|/entry/0: has neither an alert in it nor fields of CAP; links aren't followed|" },
	{ "RSS: fields", "xml", "<rss xmlns:cap='http://www.incident.com/cap/1.1'><channel><item><guid>g</guid>"
	    "<cap:severity>Minor</cap:severity><cap:circle>53,-6.5 100</cap:circle></item></channel></rss>",
	    "dublin g 0.25 0.5 none..3600;0|||" },
	{ "XML: not closed", "xml", "<alert xmlns='" CAP_NS "'>\n<info>\n</alert>", "0|line 3, column 3: mismatched tag||" },
	{ "XML: cut", "xml", "<alert>\n <info>", "0|line 2, column 8: no element found||" },
	{ "XML: nothing", "xml", "", "0|line 1, column 1: no element found||" },
	{ "XML: a prefix of nobody", "xml", "<cap:alert/>", "0|line 1, column 1: unbound prefix||" },
	{ "XML: bad UTF-8", "xml", "<alert>\n<x>\xc3(</x></alert>", "0|line 2, column 4: not well-formed (invalid token)||" },
	{ "XML: JSON", "xml", "{\"alert\": 1}", "0|line 1, column 1: not well-formed (invalid token)||" },
	{ "XML: something else", "xml", "<html><body>Down</body></html>",
	    "0|neither an alert of CAP nor an index of them (Atom, RSS)||" },
	{ "XML: an entity that grows without end", "xml", "<?xml version='1.0'?>\n<!DOCTYPE alert [<!ENTITY a 'ha'>"
	    "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>"
	    "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>\n<alert><identifier>&d;</identifier></alert>",
	    "0|line 2, column 17: a document type declaration isn't taken: alerts need none, and its entities could expand "
	    "without end||" },
	{ "XML: an entity from outside", "xml", "<!DOCTYPE alert [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>\n<alert><identifier>&a;"
	    "</identifier></alert>", "0|line 1, column 17: a document type declaration isn't taken: alerts need none, and its "
	    "entities could expand without end||" },
	{ "XML: an entity of nobody", "xml", "<alert><identifier>&nbsp;</identifier></alert>",
	    "0|line 1, column 20: undefined entity||" },

	{ "JSON: by name, word, number", "state", "{\"items\":[{\"where\":\"DUB\",\"level\":\"bad\",\"what\":\"x\"},"
	    "{\"where\":\"fiji\",\"level\":0.5,\"sure\":\"Likely\",\"from\":1763799000,\"to\":1763800100000,\"id\":7},"
	    "{\"where\":\"elsewhere\",\"level\":1}]}", "dublin  0.9 1 none..600;fiji 7 0.5 0.75 -1000..100;0|||" },
	{ "JSON: an array of regions, true, a number as text", "state", "{\"items\":[{\"where\":[\"dub1\",\"fiji\"],\"level\":true,"
	    "\"sure\":\"0.25\"}]}", "dublin  1 0.25 none..600;fiji  1 0.25 none..600;0|||" },
	{ "JSON: the worst counts", "state", "{\"items\":[{\"where\":\"fiji\",\"level\":0.2},{\"where\":\"fiji\",\"level\":0.7},"
	    "{\"where\":\"fiji\",\"level\":0.3}]}", "fiji  0.7 1 none..600;0|||" },
	{ "JSON: 0 is nothing", "state", "{\"items\":[{\"where\":\"fiji\",\"level\":0},{\"where\":\"DUB\",\"level\":false}]}", "0|||" },
	{ "JSON: what can't be read is unknown", "state", "{\"items\":[{\"where\":\"fiji\",\"level\":1.5},{\"where\":\"DUB\","
	    "\"level\":1,\"to\":\"soon\"},{\"where\":\"fiji\",\"level\":0.5,\"id\":1}]}",
	    "fiji  nan 1 none..600;dublin  nan 1 none..600;fiji 1 0.5 1 none..600;2||/items/0/level: is neither a number from "
	    "0 to 1 nor a known word|/items/1/to: is no time: RFC 3339, or seconds since 1970|" },
	{ "JSON: no item has a region", "state", "{\"items\":[{\"level\":1}]}",
	    "1|none of 1 items could be read: /items/0/where: there is no region|/items/0/where: there is no region|" },
	{ "JSON: nothing there", "state", "{\"list\":[]}", "0|/items: there is nothing||" },
	{ "JSON: a number", "state", "{\"items\":3}", "0|/items: neither a list of items nor one item||" },
	{ "JSON: one item for all regions, a pointer with a slash", "all", "{\"status/page\":[\"Minor\"]}",
	    "fiji  0.25 1 none..3600;samoa  0.25 1 none..3600;0|||" },
};

static void
write_signals(const struct pulled *pulled, struct text *out)
{
	for (size_t i = 0; i < pulled->signal_count; i++) {
		const struct pulled_signal *signal = &pulled->signals[i];

		text_printf(out, "%s %s ", steering->regions[signal->region].name, signal->id);
		if (isnan(signal->severity))
			text_puts(out, "nan");
		else
			text_printf(out, "%.4g", signal->severity);
		text_printf(out, " %.4g ", signal->certainty);
		if (signal->onset.ms == 0)
			text_puts(out, "none");
		else
			text_printf(out, "%lld", (long long)(signal->onset.ms - NOW_MS) / 1000);
		text_printf(out, "..%lld;", (long long)(signal->expires.ms - NOW_MS) / 1000);
	}
	text_printf(out, "%zu|%s|", pulled->left_out, pulled->error);
	for (size_t i = 0; i < pulled->notes.count; i++)
		text_printf(out, "%s: %s|", pulled->notes.list[i].pointer, pulled->notes.list[i].message);
	if (pulled->notes.count == 0)
		text_puts(out, "|");
}

static void
test_documents(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(document_rows); i++) {
		const struct document_row *row = &document_rows[i];
		const struct steering_feed *feed = steering_feed_find(steering, row->feed);
		struct pulled *pulled = pulled_new(steering, feed, (struct wall){ NOW_MS });
		struct diags diags = { 0 };
		cJSON *document = feed->kind == FEED_CAP_XML ? NULL : json_parse(row->json, strlen(row->json), "f", &diags);
		struct text seen = { 0 };
		char *body;

		SUITE_ROW(row->name, document != NULL || feed->kind == FEED_CAP_XML);
		if (feed->kind == FEED_CAP_XML)
			pulled_read_cap_xml(pulled, row->json, strlen(row->json));
		else if (feed->kind == FEED_GEOJSON)
			pulled_read_geojson(pulled, document);
		else if (feed->kind == FEED_CAP)
			pulled_read_cap(pulled, document);
		else
			pulled_read_json(pulled, document);
		write_signals(pulled, &seen);
		SUITE_TEXT(seen.bytes, row->expected);
		body = pulled_write(pulled);
		SUITE_ROW(row->name, body != NULL && (strstr(body, "\"error\"") != NULL) == (pulled->error[0] != '\0'));
		free(body);
		text_fini(&seen);
		cJSON_Delete(document);
		diag_fini(&diags);
		pulled_free(pulled);
	}
}

/* --- Prometheus -------------------------------------------------------------------------------------------------- */

static void
test_ranges(void)
{
	static const struct { const char *name; int64_t until, now, points, from, to; } rows[] = {
		/* in seconds from NOW_MS, which is a multiple of the step */
		{ "at first: all the history", 0, 0, 600, -600, -10 },
		{ "the next one follows", -10, 12, 600, 0, 0 },
		{ "nothing is due", -10, 4, 600, 1, 0 },
		{ "not before it's old enough", 0, 14, 600, 1, 0 },
		{ "after an outage", -100, 0, 600, -90, -10 },
		{ "in pieces", -100, 0, 3, -90, -70 },
		{ "an outage longer than the history", -5000, 0, 600, -600, -10 },
		{ "a mark that isn't on a step", -13, 12, 600, -10, 0 },
		{ "a mark in the future", 5000, 0, 600, 1, 0 },
	};
	const struct steering_feed *feed = steering_feed_find(steering, "prom");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool first = strncmp(rows[i].name, "at first", 8) == 0;
		struct wall until = { first ? 0 : NOW_MS + rows[i].until * 1000 };
		struct prometheus_range range;
		bool due = prometheus_range(feed, until, (struct wall){ NOW_MS + rows[i].now * 1000 },
		    (size_t)rows[i].points, &range);

		SUITE_ROW(rows[i].name, due == (rows[i].from <= rows[i].to));
		SUITE_ROW(rows[i].name, !due || (range.from_ms == NOW_MS + rows[i].from * 1000 &&
		    range.to_ms == NOW_MS + rows[i].to * 1000));
	}
}

/* Pulls one after the other, some of them lost, cover every step once. */
static void
test_ranges_cover(void)
{
	const struct steering_feed *feed = steering_feed_find(steering, "prom");
	unsigned seen[100] = { 0 };
	struct wall until = { 0 };

	for (int64_t now_s = 0; now_s < 1000; now_s += 7) {
		struct prometheus_range range;

		if (now_s % 5 != 0 && now_s > 300 && now_s < 500)
			continue;
		if (!prometheus_range(feed, until, (struct wall){ NOW_MS + now_s * 1000 }, 4, &range))
			continue;
		for (int64_t at = range.from_ms; at <= range.to_ms; at += 10000)
			if (at >= NOW_MS)
				seen[(at - NOW_MS) / 10000]++;
		until.ms = range.to_ms;
	}
	for (size_t i = 0; i < 90; i++)
		CU_ASSERT_EQUAL(seen[i], 1);
}

static void
test_url(void)
{
	char *url = prometheus_url(steering_feed_find(steering, "prom"), "a{b=\"c d\"}+1",
	    (struct prometheus_range){ 1500, 20000 });

	SUITE_TEXT(url, "http://h/p/api/v1/query_range?query=a%7Bb%3D%22c%20d%22%7D%2B1&start=1.500&end=20.000&step=10.000");
	free(url);
}

#define MATRIX(result) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" result "]}}"

static void
test_matrices(void)
{
	static const struct { const char *name, *feed, *json, *expected; } rows[] = {
		{ "values, without those that aren't finite", "prom", MATRIX("{\"metric\":{\"region\":\"fiji\",\"pod\":\"p-1\"},"
		    "\"values\":[[1763800000,\"1\"],[1763800010.0,\"NaN\"],[1763800020,\"+Inf\"],[1763800030,\"-2.5e-3\"]]}"),
		    "fiji p-1 cpu ratio: 0=1 30=-0.0025 |0|" },
		{ "out of the range", "prom", MATRIX("{\"metric\":{\"region\":\"fiji\",\"pod\":\"p\"},\"values\":[[1763700000,\"1\"],"
		    "[1763800101,\"1\"],[1763800100,\"3\"]]}"), "fiji p cpu ratio: 100=3 |0|" },
		{ "another region, no region, no backend", "prom", MATRIX("{\"metric\":{\"region\":\"mars\",\"pod\":\"p\"},\"values\":[]},"
		    "{\"metric\":{},\"values\":[]},{\"metric\":{\"region\":\"fiji\"},\"values\":[]}"), "3|" },
		{ "the same twice", "prom", MATRIX("{\"metric\":{\"region\":\"fiji\",\"pod\":\"p\",\"x\":\"1\"},\"values\":[]},"
		    "{\"metric\":{\"region\":\"fiji\",\"pod\":\"p\",\"x\":\"2\"},\"values\":[]}"), "fiji p cpu ratio: |fiji p cpu ratio: |"
		    "0|cpu: several series for region fiji, backend p: aggregate, as in sum by (region) (...)" },
		{ "too many", "prom", MATRIX("{},{},{},{}"), "0|cpu: the query yields 4 series, 3 are allowed (series-max)" },
		{ "no matrix", "prom", "{\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
		    "0|cpu: /data: the answer isn't a matrix: is this Prometheus?" },
		{ "something else", "prom", "[1]", "0|cpu: /data: the answer isn't a matrix: is this Prometheus?" },
		{ "one region needs no label", "one", MATRIX("{\"metric\":{},\"values\":[[1763800000,\"1\"]]}"),
		    "samoa  up : 0=1 |0|" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pulled *pulled = pulled_new(steering, steering_feed_find(steering, rows[i].feed),
		    (struct wall){ NOW_MS });
		struct diags diags = { 0 };
		cJSON *document = json_parse(rows[i].json, strlen(rows[i].json), "f", &diags);
		struct text seen = { 0 };

		SUITE_ROW(rows[i].name, document != NULL);
		prometheus_read(pulled, 0, document, (struct prometheus_range){ NOW_MS, NOW_MS + 100000 });
		for (size_t s = 0; s < pulled->series_count; s++) {
			const struct pulled_series *series = &pulled->series[s];

			text_printf(&seen, "%s %s %s %s: ", steering->regions[series->region].name, series->backend,
			    series->name, series->unit);
			for (size_t k = 0; k < series->count; k++)
				text_printf(&seen, "%lld=%g ", (long long)(series->samples[k].at_ms - NOW_MS) / 1000,
				    series->samples[k].value);
			text_puts(&seen, "|");
		}
		text_printf(&seen, "%zu|%s", pulled->left_out, pulled->error);
		SUITE_TEXT(seen.bytes, rows[i].expected);
		text_fini(&seen);
		cJSON_Delete(document);
		diag_fini(&diags);
		pulled_free(pulled);
	}
}

/* --- what is in force -------------------------------------------------------------------------------------------- */

struct told { const char *region, *name; struct signal_value value; };

static void
find_value(void *arg, const struct signal_value *value)
{
	struct told *told = arg;

	if (strcmp(told->region, value->region) == 0 && strcmp(told->name, value->name) == 0)
		told->value = *value;
}

static bool
same(double a, double b)
{
	return isnan(a) ? isnan(b) : fabs(a - b) < 1e-9;
}

#define FRESH(n) { .name = n, .succeeded = { NOW_MS - 60000 } }
#define SIGNAL(from, in, what, bad, onset_s, expires_s) { .source = from, .key = "k", .name = what, .region = in, \
	.severity = bad, .certainty = 1, .onset = { NOW_MS + (onset_s) * 1000 }, .expires = { NOW_MS + (expires_s) * 1000 } }

static void
test_in_force(void)
{
	static const struct {
		const char *name, *region, *signal;
		struct feed_row feeds[3];
		struct signal_row signals[3];
		double value, ahead, age_s;
	} rows[] = {
		{ "nobody ever said anything", "dublin", "weather", { { 0 } }, { { 0 } }, NAN, NAN, NAN },
		{ "fresh feeds, and nothing", "dublin", "weather", { FRESH("alerts"), FRESH("cap") }, { { 0 } }, 0, 0, NAN },
		{ "one of two is stale", "dublin", "weather", { FRESH("alerts") }, { { 0 } }, NAN, NAN, NAN },
		{ "one of two is stale, the other says something", "dublin", "weather", { FRESH("alerts") },
		    { SIGNAL("feed:alerts", "dublin", "weather", 0.5, -30, 60) }, 0.5, NAN, 30 },
		{ "too old", "fiji", "state", { { .name = "state", .succeeded = { NOW_MS - 180001 } } },
		    { SIGNAL("feed:state", "fiji", "state", 0.5, -30, 60) }, NAN, NAN, NAN },
		{ "just not too old", "fiji", "state", { { .name = "state", .succeeded = { NOW_MS - 180000 } } },
		    { SIGNAL("feed:state", "fiji", "state", 0.5, -30, 60) }, 0.5, 0, 30 },
		{ "not of a feed's regions", "samoa", "state", { FRESH("state") }, { { 0 } }, NAN, NAN, NAN },
		{ "the worst", "fiji", "state", { FRESH("state") }, { SIGNAL("feed:state", "fiji", "state", 0.5, -30, 60),
		    SIGNAL("feed:state", "fiji", "state", 0.75, -10, 60), SIGNAL("x", "fiji", "state", 0.25, -50, 60) },
		    0.75, 0, 10 },
		{ "announced", "fiji", "state", { FRESH("state") }, { SIGNAL("feed:state", "fiji", "state", 0.5, 30, 60) },
		    0, 0.5, NAN },
		{ "announced for later than an hour", "fiji", "state", { FRESH("state") },
		    { SIGNAL("feed:state", "fiji", "state", 0.5, 3601, 9999) }, 0, 0, NAN },
		{ "over", "fiji", "state", { FRESH("state") }, { SIGNAL("feed:state", "fiji", "state", 0.5, -30, 0) },
		    0, 0, NAN },
		{ "couldn't be read", "fiji", "state", { FRESH("state") },
		    { SIGNAL("feed:state", "fiji", "state", NAN, -30, 60) }, NAN, 0, NAN },
		{ "nothing is worse than 1", "fiji", "state", { FRESH("state") }, { SIGNAL("feed:state", "fiji", "state", NAN,
		    -30, 60), SIGNAL("feed:state", "fiji", "state", 1, -30, 60) }, 1, 0, 30 },
		{ "posted", "samoa", "works", { { 0 } }, { SIGNAL("ann", "samoa", "works", 0.25, -30, 60) }, 0.25, NAN, 30 },
		{ "posted and over: nobody says that all is well", "samoa", "works", { { 0 } },
		    { SIGNAL("ann", "samoa", "works", 0.25, -30, -1) }, NAN, NAN, NAN },
		{ "of a feed that is gone", "samoa", "works", { { 0 } }, { SIGNAL("feed:gone", "samoa", "works", 1, -1, 60) },
		    NAN, NAN, NAN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct in_force *book = in_force_new(steering, (struct wall){ NOW_MS });
		struct told told = { rows[i].region, rows[i].signal, { .value = (double)NAN, .ahead = (double)NAN,
			.age_s = (double)NAN } };

		CU_ASSERT_FATAL(book != NULL);
		for (size_t k = 0; k < 3 && rows[i].feeds[k].name != NULL; k++)
			in_force_feed(book, &rows[i].feeds[k]);
		for (size_t k = 0; k < 3 && rows[i].signals[k].name != NULL; k++)
			SUITE_ROW(rows[i].name, in_force_signal(book, &rows[i].signals[k]));
		in_force_each(book, find_value, &told);
		SUITE_ROW(rows[i].name, same(told.value.value, rows[i].value));
		SUITE_ROW(rows[i].name, same(told.value.ahead, rows[i].ahead));
		SUITE_ROW(rows[i].name, same(told.value.age_s, rows[i].age_s));
		in_force_free(book);
	}
}

/* --- bounds ------------------------------------------------------------------------------------------------------ */

static void
test_bounds(void)
{
	struct pulled *pulled = pulled_new(steering, steering_feed_find(steering, "all"), (struct wall){ NOW_MS });
	char id[24], text[700];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 499, "\xc3\xa9", 2);	/* the cut must not go through it */
	for (int i = 0; i <= PULLED_SIGNALS_MAX; i++) {
		struct pulled_signal signal = { .id = id, .text = text, .severity = 1, .certainty = 1 };

		snprintf(id, sizeof(id), "%d", i);
		pulled_signal_add(pulled, &signal);
	}
	CU_ASSERT_EQUAL(pulled->signal_count, PULLED_SIGNALS_MAX);
	SUITE_TEXT(pulled->error, "more than 4096 signals at once");
	CU_ASSERT_EQUAL(strlen(pulled->signals[0].text), 499);
	pulled_free(pulled);
}

static const struct suite_case cases[] = {
	{ .name = "polygons: holes, the antimeridian, poles; wherever a ring begins", .run = test_polygons },
	{ .name = "documents: alerts, CAP, mapped JSON, and what is wrong with them by pointer", .run = test_documents },
	{ .name = "Prometheus: which range is asked for", .run = test_ranges },
	{ .name = "Prometheus: ranges leave no gap and have nothing twice", .run = test_ranges_cover },
	{ .name = "Prometheus: the URL", .run = test_url },
	{ .name = "Prometheus: answers", .run = test_matrices },
	{ .name = "in force: what isn't known is never 0", .run = test_in_force },
	{ .name = "bounds: of signals and texts", .run = test_bounds },
};

int
main(void)
{
	int failed = read_steering() || suite_run("feed", cases, ARRAY_SIZE(cases));

	steering_free(steering);
	return failed;
}
