/* contract.h -- promises that the compiler can check: non-null arguments, results that must be read, printf formats. */
#ifndef ISOBAR_BASE_CONTRACT_H
#define ISOBAR_BASE_CONTRACT_H

#define NONNULL __attribute__((nonnull))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
