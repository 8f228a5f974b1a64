/* master.h -- zones from and to master files (RFC 1035 section 5); ldns reads and writes the records.
 * Threads: any, one call at a time per argument. */
#ifndef ISOBAR_ZONE_MASTER_H
#define ISOBAR_ZONE_MASTER_H

#include "zone/master_edit.h"	/* master_set, master_delete */
#include "zone/master_read.h"	/* master_read, master_file_apex */
#include "zone/master_write.h"	/* master_write, master_write_rr */
#include "zone/rrtype.h"	/* rrtype_parse, rrtype_text */

#endif
