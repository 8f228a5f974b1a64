/* log.h -- lines to standard error, one event each: "level: message", with the "<N>" prefix that systemd reads when
 * stderr is the journal. Never called between receive and send. Threads: any (one write(2) per line). */
#ifndef ISOBAR_BASE_LOG_H
#define ISOBAR_BASE_LOG_H

#include "base/contract.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Once at start, before other threads: the program's name and the most verbose level that is written. */
void log_open(const char *program, enum log_level most) NONNULL;
void log_error(const char *format, ...) NONNULL PRINTF(1, 2);
void log_warning(const char *format, ...) NONNULL PRINTF(1, 2);
void log_info(const char *format, ...) NONNULL PRINTF(1, 2);
void log_debug(const char *format, ...) NONNULL PRINTF(1, 2);

#endif
