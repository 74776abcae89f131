/* status.h: how every call of liblikeness reports what happened.
 *
 * A call returns an lk_status. Zero is success, a positive value is expected
 * flow (the end of a stream), a negative value is failure. The detail goes to a
 * caller-owned lk_error of fixed size, which may be NULL; it holds one sentence
 * that says what was wrong, with which file, and what to do about it. The
 * library never prints, exits or aborts.
 */
#ifndef LIKENESS_STATUS_H
#define LIKENESS_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lk_status {
    LK_END = 1,            /* the stream is finished: not an error */
    LK_OK = 0,
    LK_E_NOMEM = -1,       /* memory could not be had */
    LK_E_IO = -2,          /* reading or writing failed; disk full included */
    LK_E_FORMAT = -3,      /* outside data is damaged or of the wrong kind */
    LK_E_ARG = -4,         /* the caller asked for something that makes no sense */
    LK_E_STATE = -5,       /* called in the wrong order */
    LK_E_RANGE = -6,       /* a value is outside its limits */
    LK_E_UNSUPPORTED = -7, /* well-formed, but this build cannot do it */
    LK_E_CANCELLED = -8,   /* the user asked to stop */
    LK_E_CONSENT = -9,     /* no grant covers this */
    LK_E_MARK = -10,       /* the output could not be marked; nothing was left */
    LK_E_NOTFOUND = -11,   /* a file, face or row that should be there is not */
    LK_E_BUG = -12         /* our own mistake */
} lk_status;

/* Detail of a failure. Fixed size, no ownership, usable when memory is gone. */
typedef struct lk_error {
    lk_status code;
    char message[480]; /* one sentence, no final newline */
    char origin[64];   /* file:line inside the library */
} lk_error;

/* Exit status of the command for a status: 0 done, 1 failed, 2 usage,
 * 3 refused (no consent), 4 could not mark, 5 cancelled, 6 bad input. */
int lk_status_exit_code(lk_status status);

/* Short constant name of a status, such as "format". Never NULL. */
const char *lk_status_name(lk_status status);

#ifdef __cplusplus
}
#endif
#endif
