/* country.h -- countries (ISO 3166-1) with their continent and a middle point, for groups and distances.
 * Threads: any; constant data. */
#ifndef ISOBAR_STEER_COUNTRY_H
#define ISOBAR_STEER_COUNTRY_H

#include <stdint.h>

#include "base/contract.h"

#define COUNTRY_UNKNOWN 0
#define COUNTRIES_MAX 256

struct country {
	char code[3];		/* alpha-2 */
	char continent[3];	/* AF AN AS EU NA OC SA */
	float latitude, longitude;
};

/* Index 1 .. country_count()-1; [0] is the unknown country "". */
uint8_t country_find(const char code[static 2]) NONNULL;	/* COUNTRY_UNKNOWN when there is none; any case */
const struct country *country_at(uint8_t index);
unsigned country_count(void);

/* Great-circle distance in km (haversine, mean radius 6371.0088 km). */
double great_circle_km(double latitude1, double longitude1, double latitude2, double longitude2);

#endif
