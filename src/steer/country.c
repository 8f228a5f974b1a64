/* country.c -- the countries of ISO 3166-1 with continent and middle point.
 * Constant data. The codes are those of ISO 3166-1 alpha-2, and XK, which is user-assigned there but is what databases
 * of addresses say for Kosovo. Continents follow the same databases (Russia, Cyprus: EU; Turkey, the Caucasus,
 * Kazakhstan: AS; Egypt: AF; Timor-Leste: OC), so that a client found by country and one found by continent agree.
 * The points are rough middles, to half a degree or so: they rank regions that are thousands of kilometres apart. For a
 * country whose people live far from its middle (Canada, Russia, Australia ...) that is still the middle of the land.
 * Invariant: sorted by code (test_country proves it), since lookup is a binary search. */
#include "steer/country.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct country countries[] = {
	{ "", "", 0, 0 },
	{ "AD", "EU", 42.5f, 1.6f }, { "AE", "AS", 24.0f, 54.0f }, { "AF", "AS", 33.8f, 66.0f },
	{ "AG", "NA", 17.1f, -61.8f }, { "AI", "NA", 18.2f, -63.1f }, { "AL", "EU", 41.1f, 20.1f },
	{ "AM", "AS", 40.3f, 44.9f }, { "AO", "AF", -12.3f, 17.5f }, { "AQ", "AN", -80.0f, 0.0f },
	{ "AR", "SA", -35.4f, -65.2f }, { "AS", "OC", -14.3f, -170.7f }, { "AT", "EU", 47.6f, 14.1f },
	{ "AU", "OC", -25.7f, 134.5f }, { "AW", "NA", 12.5f, -70.0f }, { "AX", "EU", 60.2f, 20.0f },
	{ "AZ", "AS", 40.3f, 47.6f },
	{ "BA", "EU", 44.2f, 17.8f }, { "BB", "NA", 13.2f, -59.6f }, { "BD", "AS", 23.9f, 90.2f },
	{ "BE", "EU", 50.6f, 4.6f }, { "BF", "AF", 12.3f, -1.8f }, { "BG", "EU", 42.8f, 25.2f },
	{ "BH", "AS", 26.0f, 50.5f }, { "BI", "AF", -3.4f, 29.9f }, { "BJ", "AF", 9.6f, 2.3f },
	{ "BL", "NA", 17.9f, -62.8f }, { "BM", "NA", 32.3f, -64.8f }, { "BN", "AS", 4.5f, 114.7f },
	{ "BO", "SA", -16.7f, -64.7f }, { "BQ", "NA", 12.2f, -68.3f }, { "BR", "SA", -10.8f, -53.1f },
	{ "BS", "NA", 24.3f, -76.6f }, { "BT", "AS", 27.4f, 90.4f }, { "BV", "AN", -54.4f, 3.4f },
	{ "BW", "AF", -22.2f, 23.8f }, { "BY", "EU", 53.5f, 28.0f }, { "BZ", "NA", 17.2f, -88.7f },
	{ "CA", "NA", 61.4f, -98.3f }, { "CC", "AS", -12.2f, 96.9f }, { "CD", "AF", -2.9f, 23.6f },
	{ "CF", "AF", 6.6f, 20.5f }, { "CG", "AF", -0.8f, 15.2f }, { "CH", "EU", 46.8f, 8.2f },
	{ "CI", "AF", 7.6f, -5.6f }, { "CK", "OC", -21.2f, -159.8f }, { "CL", "SA", -36.0f, -71.4f },
	{ "CM", "AF", 5.7f, 12.7f }, { "CN", "AS", 36.6f, 103.8f }, { "CO", "SA", 3.9f, -73.1f },
	{ "CR", "NA", 10.0f, -84.2f }, { "CU", "NA", 21.6f, -79.0f }, { "CV", "AF", 15.9f, -24.0f },
	{ "CW", "NA", 12.2f, -69.0f }, { "CX", "OC", -10.4f, 105.7f }, { "CY", "EU", 35.0f, 33.2f },
	{ "CZ", "EU", 49.7f, 15.3f },
	{ "DE", "EU", 51.1f, 10.4f }, { "DJ", "AF", 11.7f, 42.6f }, { "DK", "EU", 56.0f, 10.0f },
	{ "DM", "NA", 15.4f, -61.4f }, { "DO", "NA", 18.9f, -70.5f }, { "DZ", "AF", 28.2f, 2.6f },
	{ "EC", "SA", -1.4f, -78.8f }, { "EE", "EU", 58.7f, 25.5f }, { "EG", "AF", 26.5f, 29.9f },
	{ "EH", "AF", 24.2f, -12.2f }, { "ER", "AF", 15.4f, 38.8f }, { "ES", "EU", 40.2f, -3.6f },
	{ "ET", "AF", 8.6f, 39.6f },
	{ "FI", "EU", 64.5f, 26.3f }, { "FJ", "OC", -17.4f, 178.0f }, { "FK", "SA", -51.7f, -59.4f },
	{ "FM", "OC", 6.9f, 158.2f }, { "FO", "EU", 62.0f, -6.9f }, { "FR", "EU", 46.6f, 2.5f },
	{ "GA", "AF", -0.6f, 11.8f }, { "GB", "EU", 54.1f, -2.9f }, { "GD", "NA", 12.1f, -61.7f },
	{ "GE", "AS", 42.2f, 43.5f }, { "GF", "SA", 3.9f, -53.1f }, { "GG", "EU", 49.5f, -2.6f },
	{ "GH", "AF", 8.0f, -1.2f }, { "GI", "EU", 36.1f, -5.3f }, { "GL", "NA", 74.7f, -41.3f },
	{ "GM", "AF", 13.4f, -15.4f }, { "GN", "AF", 10.4f, -10.9f }, { "GP", "NA", 16.2f, -61.5f },
	{ "GQ", "AF", 1.7f, 10.3f }, { "GR", "EU", 39.1f, 22.9f }, { "GS", "AN", -54.4f, -36.6f },
	{ "GT", "NA", 15.7f, -90.4f }, { "GU", "OC", 13.4f, 144.8f }, { "GW", "AF", 12.0f, -14.9f },
	{ "GY", "SA", 4.8f, -59.0f },
	{ "HK", "AS", 22.4f, 114.1f }, { "HM", "AN", -53.1f, 73.5f }, { "HN", "NA", 14.8f, -86.6f },
	{ "HR", "EU", 45.1f, 16.4f }, { "HT", "NA", 18.9f, -72.7f }, { "HU", "EU", 47.2f, 19.4f },
	{ "ID", "AS", -2.2f, 117.2f }, { "IE", "EU", 53.2f, -8.1f }, { "IL", "AS", 31.5f, 35.0f },
	{ "IM", "EU", 54.2f, -4.5f }, { "IN", "AS", 22.9f, 79.6f }, { "IO", "AS", -7.3f, 72.4f },
	{ "IQ", "AS", 33.0f, 43.7f }, { "IR", "AS", 32.6f, 54.3f }, { "IS", "EU", 65.0f, -18.6f },
	{ "IT", "EU", 42.8f, 12.1f },
	{ "JE", "EU", 49.2f, -2.1f }, { "JM", "NA", 18.2f, -77.3f }, { "JO", "AS", 31.2f, 36.8f },
	{ "JP", "AS", 37.6f, 138.0f },
	{ "KE", "AF", 0.6f, 37.8f }, { "KG", "AS", 41.5f, 74.6f }, { "KH", "AS", 12.7f, 104.9f },
	{ "KI", "OC", 1.4f, 173.0f }, { "KM", "AF", -11.9f, 43.7f }, { "KN", "NA", 17.3f, -62.7f },
	{ "KP", "AS", 40.2f, 127.2f }, { "KR", "AS", 36.4f, 127.8f }, { "KW", "AS", 29.3f, 47.6f },
	{ "KY", "NA", 19.4f, -80.9f }, { "KZ", "AS", 48.2f, 67.3f },
	{ "LA", "AS", 18.5f, 103.7f }, { "LB", "AS", 33.9f, 35.9f }, { "LC", "NA", 13.9f, -61.0f },
	{ "LI", "EU", 47.1f, 9.5f }, { "LK", "AS", 7.6f, 80.7f }, { "LR", "AF", 6.5f, -9.3f },
	{ "LS", "AF", -29.6f, 28.2f }, { "LT", "EU", 55.3f, 23.9f }, { "LU", "EU", 49.8f, 6.1f },
	{ "LV", "EU", 56.9f, 24.9f }, { "LY", "AF", 27.0f, 18.0f },
	{ "MA", "AF", 31.9f, -6.3f }, { "MC", "EU", 43.7f, 7.4f }, { "MD", "EU", 47.2f, 28.5f },
	{ "ME", "EU", 42.8f, 19.2f }, { "MF", "NA", 18.1f, -63.1f }, { "MG", "AF", -19.4f, 46.7f },
	{ "MH", "OC", 7.1f, 171.2f }, { "MK", "EU", 41.6f, 21.7f }, { "ML", "AF", 17.3f, -3.5f },
	{ "MM", "AS", 21.2f, 96.5f }, { "MN", "AS", 46.8f, 103.1f }, { "MO", "AS", 22.2f, 113.5f },
	{ "MP", "OC", 15.2f, 145.7f }, { "MQ", "NA", 14.6f, -61.0f }, { "MR", "AF", 20.3f, -10.3f },
	{ "MS", "NA", 16.7f, -62.2f }, { "MT", "EU", 35.9f, 14.4f }, { "MU", "AF", -20.3f, 57.6f },
	{ "MV", "AS", 3.7f, 73.2f }, { "MW", "AF", -13.2f, 34.3f }, { "MX", "NA", 23.9f, -102.5f },
	{ "MY", "AS", 3.8f, 109.7f }, { "MZ", "AF", -17.3f, 35.5f },
	{ "NA", "AF", -22.1f, 17.2f }, { "NC", "OC", -21.3f, 165.7f }, { "NE", "AF", 17.4f, 9.4f },
	{ "NF", "OC", -29.0f, 168.0f }, { "NG", "AF", 9.6f, 8.1f }, { "NI", "NA", 12.8f, -85.0f },
	{ "NL", "EU", 52.1f, 5.3f }, { "NO", "EU", 64.6f, 12.7f }, { "NP", "AS", 28.2f, 83.9f },
	{ "NR", "OC", -0.5f, 166.9f }, { "NU", "OC", -19.1f, -169.9f }, { "NZ", "OC", -41.8f, 172.8f },
	{ "OM", "AS", 20.6f, 56.1f },
	{ "PA", "NA", 8.5f, -80.1f }, { "PE", "SA", -9.2f, -74.4f }, { "PF", "OC", -17.7f, -149.4f },
	{ "PG", "OC", -6.5f, 145.2f }, { "PH", "AS", 11.8f, 122.9f }, { "PK", "AS", 30.0f, 69.3f },
	{ "PL", "EU", 52.1f, 19.4f }, { "PM", "NA", 46.9f, -56.3f }, { "PN", "OC", -25.1f, -130.1f },
	{ "PR", "NA", 18.2f, -66.5f }, { "PS", "AS", 31.9f, 35.2f }, { "PT", "EU", 39.6f, -8.5f },
	{ "PW", "OC", 7.3f, 134.4f }, { "PY", "SA", -23.2f, -58.4f },
	{ "QA", "AS", 25.3f, 51.2f },
	{ "RE", "AF", -21.1f, 55.5f }, { "RO", "EU", 45.9f, 25.0f }, { "RS", "EU", 44.2f, 20.8f },
	{ "RU", "EU", 61.9f, 96.7f }, { "RW", "AF", -2.0f, 29.9f },
	{ "SA", "AS", 24.1f, 44.5f }, { "SB", "OC", -8.9f, 159.6f }, { "SC", "AF", -4.7f, 55.5f },
	{ "SD", "AF", 16.0f, 29.9f }, { "SE", "EU", 62.8f, 16.7f }, { "SG", "AS", 1.4f, 103.8f },
	{ "SH", "AF", -16.0f, -5.7f }, { "SI", "EU", 46.1f, 14.8f }, { "SJ", "EU", 78.8f, 18.0f },
	{ "SK", "EU", 48.7f, 19.5f }, { "SL", "AF", 8.6f, -11.8f }, { "SM", "EU", 43.9f, 12.5f },
	{ "SN", "AF", 14.4f, -14.5f }, { "SO", "AF", 4.8f, 45.7f }, { "SR", "SA", 4.1f, -55.9f },
	{ "SS", "AF", 7.3f, 30.2f }, { "ST", "AF", 0.4f, 6.7f }, { "SV", "NA", 13.7f, -88.9f },
	{ "SX", "NA", 18.0f, -63.1f }, { "SY", "AS", 35.0f, 38.5f }, { "SZ", "AF", -26.6f, 31.5f },
	{ "TC", "NA", 21.8f, -71.8f }, { "TD", "AF", 15.3f, 18.6f }, { "TF", "AN", -49.3f, 69.5f },
	{ "TG", "AF", 8.5f, 1.0f }, { "TH", "AS", 15.1f, 101.0f }, { "TJ", "AS", 38.5f, 71.0f },
	{ "TK", "OC", -9.2f, -171.8f }, { "TL", "OC", -8.8f, 125.9f }, { "TM", "AS", 39.1f, 59.4f },
	{ "TN", "AF", 34.1f, 9.6f }, { "TO", "OC", -20.4f, -174.8f }, { "TR", "AS", 39.1f, 35.2f },
	{ "TT", "NA", 10.5f, -61.3f }, { "TV", "OC", -8.5f, 179.2f }, { "TW", "AS", 23.8f, 121.0f },
	{ "TZ", "AF", -6.3f, 34.8f },
	{ "UA", "EU", 49.0f, 31.4f }, { "UG", "AF", 1.3f, 32.4f }, { "UM", "OC", 19.3f, 166.6f },
	{ "US", "NA", 39.8f, -98.6f }, { "UY", "SA", -32.8f, -56.0f }, { "UZ", "AS", 41.8f, 63.1f },
	{ "VA", "EU", 41.9f, 12.5f }, { "VC", "NA", 13.2f, -61.2f }, { "VE", "SA", 7.1f, -66.2f },
	{ "VG", "NA", 18.5f, -64.5f }, { "VI", "NA", 18.0f, -64.8f }, { "VN", "AS", 16.6f, 106.3f },
	{ "VU", "OC", -16.2f, 167.7f },
	{ "WF", "OC", -13.9f, -177.3f }, { "WS", "OC", -13.8f, -172.2f },
	{ "XK", "EU", 42.6f, 20.9f },
	{ "YE", "AS", 15.9f, 47.6f }, { "YT", "AF", -12.8f, 45.1f },
	{ "ZA", "AF", -29.0f, 25.1f }, { "ZM", "AF", -13.5f, 27.8f }, { "ZW", "AF", -19.0f, 29.9f },
};

_Static_assert(sizeof(countries) / sizeof(countries[0]) <= COUNTRIES_MAX, "an index is one octet");

static double radians(double degrees);

uint8_t
country_find(const char code[static 2])
{
	char wanted[2] = { (char)toupper((unsigned char)code[0]), (char)toupper((unsigned char)code[1]) };
	unsigned low = 1, high = country_count();

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = memcmp(countries[middle].code, wanted, 2);

		if (order == 0)
			return (uint8_t)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return COUNTRY_UNKNOWN;
}

const struct country *
country_at(uint8_t index)
{
	return &countries[index < country_count() ? index : COUNTRY_UNKNOWN];
}

unsigned
country_count(void)
{
	return (unsigned)ARRAY_SIZE(countries);
}

double
great_circle_km(double latitude1, double longitude1, double latitude2, double longitude2)
{
	double a = sin(radians(latitude2 - latitude1) / 2), b = sin(radians(longitude2 - longitude1) / 2);
	double h = a * a + cos(radians(latitude1)) * cos(radians(latitude2)) * b * b;

	/* Rounding may lift h of two antipodes above 1. */
	return 2 * 6371.0088 * asin(sqrt(h > 1 ? 1 : h));
}

static double
radians(double degrees)
{
	return degrees * (3.14159265358979323846 / 180);
}
