/* test_country.c -- steer/country: the table is whole and sorted, its points lie on the globe, distances are right. */
#include "steer/country.h"

#include "suite.h"

static void
test_table(void)
{
	static const char continents[] = "AF AN AS EU NA OC SA ";
	unsigned seen[7] = { 0 };

	CU_ASSERT_EQUAL(country_count(), 251);	/* 249 of ISO 3166-1, XK, and the unknown one */
	SUITE_TEXT(country_at(COUNTRY_UNKNOWN)->code, "");
	SUITE_TEXT(country_at(COUNTRY_UNKNOWN)->continent, "");
	for (unsigned i = 1; i < country_count(); i++) {
		const struct country *country = country_at((uint8_t)i);
		const char *continent = strstr(continents, country->continent);

		SUITE_ROW(country->code, strcmp(country_at((uint8_t)(i - 1))->code, country->code) < 0);
		SUITE_ROW(country->code, strlen(country->code) == 2 && strlen(country->continent) == 2);
		SUITE_ROW(country->code, continent != NULL && (continent - continents) % 3 == 0);
		SUITE_ROW(country->code, country->latitude >= -90 && country->latitude <= 90);
		SUITE_ROW(country->code, country->longitude >= -180 && country->longitude <= 180);
		SUITE_ROW(country->code, country_find(country->code) == i);
		if (continent != NULL)
			seen[(continent - continents) / 3]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		CU_ASSERT(seen[i] >= 5);
	SUITE_TEXT(country_at(255)->code, "");	/* past the table */
}

static void
test_find(void)
{
	static const struct {
		const char *code, *continent;
		double latitude, longitude;	/* of the capital */
		double within_km;
	} rows[] = {
		{ "DE", "EU", 52.5, 13.4, 400 }, { "IE", "EU", 53.3, -6.3, 200 }, { "no", "EU", 59.9, 10.8, 700 },
		{ "US", "NA", 38.9, -77.0, 2000 }, { "CA", "NA", 45.4, -75.7, 2500 }, { "mX", "NA", 19.4, -99.1, 700 },
		{ "BR", "SA", -15.8, -47.9, 1000 }, { "CL", "SA", -33.5, -70.7, 400 },
		{ "AR", "SA", -34.6, -58.4, 800 },
		{ "ZA", "AF", -25.7, 28.2, 600 }, { "EG", "AF", 30.0, 31.2, 600 }, { "NA", "AF", -22.6, 17.1, 200 },
		{ "CN", "AS", 39.9, 116.4, 1300 }, { "JP", "AS", 35.7, 139.7, 400 }, { "IN", "AS", 28.6, 77.2, 900 },
		{ "TR", "AS", 39.9, 32.9, 400 }, { "RU", "EU", 55.8, 37.6, 4000 }, { "AU", "OC", -35.3, 149.1, 2200 },
		{ "NZ", "OC", -41.3, 174.8, 300 }, { "FJ", "OC", -18.1, 178.4, 200 }, { "AQ", "AN", -90, 0, 1500 },
		{ "XK", "EU", 42.7, 21.2, 100 }, { "AD", "EU", 42.5, 1.5, 50 }, { "ZW", "AF", -17.8, 31.0, 300 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct country *country = country_at(country_find(rows[i].code));

		SUITE_ROW(rows[i].code, strcmp(country->continent, rows[i].continent) == 0);
		SUITE_ROW(rows[i].code, great_circle_km((double)country->latitude, (double)country->longitude,
		    rows[i].latitude, rows[i].longitude) < rows[i].within_km);
	}
}

static void
test_unknown(void)
{
	static const char *const none[] = { "XX", "UK", "EU", "A1", "  ", "\xff\xff", "ZZ", "AA" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		SUITE_ROW(none[i], country_find(none[i]) == COUNTRY_UNKNOWN);
	CU_ASSERT_EQUAL(country_find((const char[2]){ '\0', '\0' }), COUNTRY_UNKNOWN);
}

/* The sphere's own figures: a quarter and a half of its circumference, 2 pi 6371.0088 km. */
static void
test_distance(void)
{
	static const struct {
		const char *name;
		double latitude1, longitude1, latitude2, longitude2, km;
	} rows[] = {
		{ "nowhere to go", 12, 34, 12, 34, 0 },
		{ "pole to equator", 90, 0, 0, 77, 10007.557 },
		{ "pole to pole", 90, 10, -90, 20, 20015.114 },
		{ "antipodes", 10, 20, -10, -160, 20015.114 },
		{ "a degree of the equator", 0, 179.5, 0, -179.5, 111.195 },
		{ "a degree of a meridian", 45, 7, 46, 7, 111.195 },
		{ "a sixth of the globe", 0, 0, 0, 60, 6671.705 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double there = great_circle_km(rows[i].latitude1, rows[i].longitude1, rows[i].latitude2,
		    rows[i].longitude2);
		double back = great_circle_km(rows[i].latitude2, rows[i].longitude2, rows[i].latitude1,
		    rows[i].longitude1);

		SUITE_ROW(rows[i].name, there > rows[i].km - 0.01 && there < rows[i].km + 0.01);
		SUITE_ROW(rows[i].name, there - back < 1e-9 && back - there < 1e-9);
	}
}

static const struct suite_case cases[] = {
	{ .name = "the table is whole, sorted and on the globe", .run = test_table },
	{ .name = "countries are found, where they are", .run = test_find },
	{ .name = "what is no country is unknown", .run = test_unknown },
	{ .name = "distances on the sphere", .run = test_distance },
};

int
main(void)
{
	return suite_run("country", cases, ARRAY_SIZE(cases));
}
