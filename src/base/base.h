/* base: level 0. Errors, memory, text, hashes, random numbers, JSON, time, files
 * and (in crypto/) keys and signatures. Knows nothing of media, people or
 * networks; may include only the C library, and crypto/ alone OpenSSL and
 * libsodium. Start with error handling below, then memory.c and rng.c.
 */
#ifndef LK_BASE_H
#define LK_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "likeness/status.h"

#define LK_PRINTF(a, b) __attribute__((format(printf, a, b)))
#define LK_MUST_USE __attribute__((warn_unused_result))
#define LK_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define LK_MAX(a, b) ((a) > (b) ? (a) : (b))
#define LK_CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))

/* --- errors ------------------------------------------------------------ */

/* Fill err (may be NULL) and return code: `return LK_FAIL(err, LK_E_IO, "...", ...)`. */
lk_status lk_error_set(lk_error *err, lk_status code, const char *file, int line,
                       const char *fmt, ...) LK_PRINTF(5, 6);
#define LK_FAIL(err, code, ...) lk_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
/* Forward a failure (or LK_END) to the caller. */
#define LK_TRY(expr)                        \
    do {                                    \
        lk_status lk_try_s = (expr);        \
        if (lk_try_s != LK_OK) return lk_try_s; \
    } while (0)
/* Same, but through the one exit label of a function that has `lk_status s`. */
#define LK_GOTO(label, expr)           \
    do {                               \
        s = (expr);                    \
        if (s != LK_OK) goto label;    \
    } while (0)

/* --- memory (memory.c): every allocation of the library goes through here, so
 * that the n-th one can be made to fail in tests. ------------------------- */

void *lk_alloc(size_t bytes);                        /* 64-byte aligned, uninitialised; NULL when none */
void *lk_calloc(size_t count, size_t size);          /* zeroed, overflow-checked */
void *lk_realloc(void *p, size_t old_bytes, size_t bytes);
void lk_free(void *p);                               /* NULL allowed */
char *lk_strdup(const char *s);
char *lk_strfmt(const char *fmt, ...) LK_PRINTF(1, 2); /* caller frees with lk_free */

/* Fault injection for tests: the nth call of the kind from now fails (once, or
 * from then on when sticky). nth 0 switches off. */
typedef enum lk_fault_kind {
    LK_FAULT_ALLOC,
    LK_FAULT_READ,
    LK_FAULT_WRITE,
    LK_FAULT_SYNC,
    LK_FAULT_UNNAMED, /* nameless files: so that their lack can be tested */
    LK_FAULT_KINDS
} lk_fault_kind;
void lk_fault_set(lk_fault_kind kind, int64_t nth, bool sticky);
bool lk_fault_hit(lk_fault_kind kind); /* true when this call must fail */
int64_t lk_fault_count(lk_fault_kind kind); /* calls seen since lk_fault_set */

/* An arena hands out memory that lives until lk_arena_clear; nothing is freed singly. */
typedef struct lk_arena lk_arena;
lk_status lk_arena_new(lk_arena **out, size_t chunk_bytes);
void *lk_arena_alloc(lk_arena *a, size_t bytes); /* 64-byte aligned, zeroed; NULL when none */
char *lk_arena_strdup(lk_arena *a, const char *s);
void lk_arena_clear(lk_arena *a);
void lk_arena_free(lk_arena *a);

/* --- random numbers (rng.c): counter-based, Philox4x32-10 (Salmon et al. 2011).
 * A draw depends only on its key, never on thread count or call order. ---- */

typedef struct lk_rng {
    uint64_t seed;
    uint32_t stream;
    uint32_t epoch;
    uint64_t index;
    uint32_t draw;
    uint32_t buf[4];
    int left;
} lk_rng;
lk_rng lk_rng_at(uint64_t seed, uint32_t stream, uint32_t epoch, uint64_t index);
uint32_t lk_rng_u32(lk_rng *r);
uint32_t lk_rng_below(lk_rng *r, uint32_t n);  /* unbiased, 0..n-1 */
float lk_rng_uniform(lk_rng *r);               /* [0,1) */
float lk_rng_range(lk_rng *r, float lo, float hi);
float lk_rng_normal(lk_rng *r);                /* mean 0, deviation 1 */
/* The bare generator, for known-answer tests and bulk noise. */
void lk_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
lk_status lk_random_bytes(void *out, size_t n, lk_error *err); /* from the system, for keys and ids */

/* --- hashes (hash.c, over OpenSSL in crypto/) ---------------------------- */

#define LK_HASH_BYTES 32
#define LK_HASH_HEX 65 /* with the final NUL */
typedef struct lk_hash { uint8_t b[LK_HASH_BYTES]; } lk_hash; /* SHA-256 */
typedef struct lk_hasher lk_hasher;
lk_status lk_hasher_new(lk_hasher **out);
void lk_hasher_add(lk_hasher *h, const void *data, size_t n);
lk_hash lk_hasher_finish(lk_hasher *h); /* frees h */
lk_hash lk_hash_bytes(const void *data, size_t n);
lk_status lk_hash_file(const char *path, lk_hash *out, lk_error *err);
void lk_hash_hex(const lk_hash *h, char out[LK_HASH_HEX]);
bool lk_hash_from_hex(const char *hex, lk_hash *out);
bool lk_hash_equal(const lk_hash *a, const lk_hash *b); /* constant time */
uint32_t lk_crc32(uint32_t crc, const void *data, size_t n);

/* --- text and JSON -------------------------------------------------------- */

/* Growing string; sticky out-of-memory flag, so that callers check once. */
typedef struct lk_text { char *s; size_t len, cap; bool failed; } lk_text; /* {0} is empty */
void lk_text_add(lk_text *t, const char *fmt, ...) LK_PRINTF(2, 3);
void lk_text_addn(lk_text *t, const char *s, size_t n);
void lk_text_clear(lk_text *t);

/* JSON value tree, parsed into an arena with limits (64 MiB, depth 64). */
typedef enum lk_json_kind {
    LK_JSON_NULL,
    LK_JSON_BOOL,
    LK_JSON_NUMBER,
    LK_JSON_STRING,
    LK_JSON_ARRAY,
    LK_JSON_OBJECT
} lk_json_kind;
typedef struct lk_json lk_json;
struct lk_json {
    lk_json_kind kind;
    const char *key;      /* when the child of an object, else NULL */
    double number;        /* also 0/1 for a bool */
    const char *string;   /* UTF-8, NUL-terminated; embedded NUL is refused */
    lk_json *child, *next; /* first child, next sibling */
    size_t count;         /* children */
};
lk_status lk_json_parse(const char *text, size_t len, lk_arena *arena, lk_json **out, lk_error *err);
const lk_json *lk_json_get(const lk_json *object, const char *key); /* NULL when absent or not an object */
const char *lk_json_string(const lk_json *object, const char *key, const char *fallback);
double lk_json_number(const lk_json *object, const char *key, double fallback);
/* Append a quoted, escaped JSON string. Non-UTF-8 bytes become U+FFFD. */
void lk_json_quote(lk_text *t, const char *s);
/* Append a number that reads back as the same double, whatever the locale; null when not finite. */
void lk_json_add_number(lk_text *t, double x);

/* --- time, files, log ------------------------------------------------------ */

double lk_now(void);          /* monotonic seconds */
int64_t lk_wall_time(void);   /* Unix seconds; tests replace it with lk_wall_time_set */
void lk_wall_time_set(int64_t fixed); /* 0 = the real clock */
void lk_time_iso(int64_t unix_seconds, char out[32]); /* 2026-01-31T10:00:00Z */

/* At most limit bytes, else LK_E_RANGE. A NUL is added after the n bytes; the caller frees with lk_free. */
lk_status lk_file_read(const char *path, size_t limit, void **data, size_t *n, lk_error *err);
/* Write to PATH.tmp-<random>, fsync, rename, fsync the folder: old or new, never half. */
lk_status lk_file_write_atomic(const char *path, const void *data, size_t n, lk_error *err);
/* The same with the rights of a new file (before umask): 0600 for keys. */
lk_status lk_file_write_mode(const char *path, const void *data, size_t n, unsigned mode, lk_error *err);
lk_status lk_dir_make(const char *path, lk_error *err); /* with parents; existing is fine */
bool lk_path_exists(const char *path);
int64_t lk_file_size(const char *path); /* -1 when unknown */
uint64_t lk_disk_free(const char *path); /* bytes, 0 when unknown */
const char *lk_path_base(const char *path); /* part after the last '/' */
/* PATH from the root on, so that it means the same from any folder; as it is when that does not fit into cap bytes. */
void lk_path_absolute(const char *path, char *out, size_t cap);
/* PATH without links and dots, freed by lk_free; NULL when nothing is there, or without memory. */
char *lk_path_real(const char *path);
/* The names in a folder without . and .., those that keep (NULL: all) wants, sorted by name. */
lk_status lk_dir_list(const char *dir, bool (*keep)(const char *name), char ***names, int *count, lk_error *err);
void lk_dir_list_free(char **names, int count); /* NULL with 0 is fine */
/* fsync tmp, rename it to path, fsync the folder. */
lk_status lk_file_sync_rename(const char *tmp, const char *path, lk_error *err);
/* The same for a file that must be new: LK_E_STATE when PATH is already there; tmp then stays. */
lk_status lk_file_sync_new(const char *tmp, const char *path, lk_error *err);

/* A file in the making, beside the place where it will appear, which nobody sees before it is whole: killing the process
 * leaves nothing. name: a path by which this process (alone) can open it. */
typedef struct lk_draft {
    int fd; /* -1 = closed */
    bool named; /* the file system has no nameless files: it lies under a temporary name */
    char name[1100];
} lk_draft;
lk_status lk_draft_open(const char *path, lk_draft *d, lk_error *err);
/* fsync, then appear at path in place of what was there; closes d whatever happens. On failure nothing new is left. */
lk_status lk_draft_publish(lk_draft *d, const char *path, lk_error *err);
void lk_draft_drop(lk_draft *d); /* forget it; a closed one is fine */

/* Log lines go to a sink (default: nowhere). Levels: 0 error 1 warning 2 info 3 debug. */
typedef void (*lk_log_fn)(void *user, int level, const char *room, const char *line);
void lk_log_sink(lk_log_fn fn, void *user, int max_level);
void lk_log(int level, const char *room, const char *fmt, ...) LK_PRINTF(3, 4);

/* --- crypto (crypto/): Ed25519 by libsodium ------------------------------- */

#define LK_SIGN_PUBLIC 32
#define LK_SIGN_SECRET 64
#define LK_SIGN_BYTES 64
lk_status lk_sign_keypair(uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET], lk_error *err);
lk_status lk_sign_make(const uint8_t sec[LK_SIGN_SECRET], const void *msg, size_t n,
                       uint8_t sig[LK_SIGN_BYTES], lk_error *err);
bool lk_sign_check(const uint8_t pub[LK_SIGN_PUBLIC], const void *msg, size_t n,
                   const uint8_t sig[LK_SIGN_BYTES]);
void lk_wipe(void *p, size_t n); /* not optimised away */

#endif
