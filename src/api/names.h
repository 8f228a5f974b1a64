/* names.h -- names as operators write them: owners within a zone, and the files of zones. Threads: any; pure. */
#ifndef ISOBAR_API_NAMES_H
#define ISOBAR_API_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"
#include "zone/owner.h"

#define ZONE_FILE_SIZE (NAME_TEXT_SIZE + 8)

/* The file of a zone, given in presentation form with its final dot: "gtm.example.com.zone". Slashes are escaped. */
const char *zone_file_name(const char *zone, char file[static ZONE_FILE_SIZE]) NONNULL;

#endif
