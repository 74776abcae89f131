/* internal.h: what the files of c2pa/ share. Not for other rooms (fuzz/ alone looks in as well).
 *
 * Writing goes manifest.c (assertions, claim) -> sign.c (into a file); reading goes jumbf.c (boxes) -> store.c
 * (manifests, by structure alone) -> verify.c and verify_*.c (is it true?) -> describe.c, report.c (for people).
 */
#ifndef LK_C2PA_INTERNAL_H
#define LK_C2PA_INTERNAL_H

#include "mark/c2pa/c2pa.h"

/* --- jumbf.c: boxes (ISO/IEC 19566-5), the part that C2PA uses ---------------------------- */

enum {
    JUMBF_MAX_DEPTH = 16,
    JUMBF_MAX_BOXES = 4096,
    C2PA_MAX_MANIFESTS = 512,
    C2PA_MAX_ASSERTIONS = 1000, /* of one manifest */
    C2PA_MAX_DEPTH = 64,        /* of ingredients */
    C2PA_MAX_FINDINGS = 5000,
    C2PA_MAX_JSON = 1 << 20,    /* bytes of a JSON assertion; its tree takes up to 32 times that */
    C2PA_MAX_ITEMS = 500000     /* CBOR items kept of one store: bounds memory by a few times the store's size */
};

#define JUMBF_TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define JUMBF_JUMB JUMBF_TYPE('j', 'u', 'm', 'b')
#define JUMBF_CBOR JUMBF_TYPE('c', 'b', 'o', 'r')
#define JUMBF_JSON JUMBF_TYPE('j', 's', 'o', 'n')

typedef struct jumbf_box jumbf_box;
struct jumbf_box {
    uint32_t type;
    const uint8_t *start; /* with its header, in the caller's buffer */
    size_t size;
    const uint8_t *data;  /* after the header: what hashes of superboxes cover */
    size_t n;
    /* of a superbox ('jumb'): */
    const uint8_t *uuid;  /* 16 bytes */
    const char *label;
    bool salted;
    jumbf_box *child;     /* content boxes, without the description */
    int children;
    jumbf_box *next;
};
/* The whole buffer is one superbox. Exact lengths, no large or open-ended boxes, every superbox with a label. */
lk_status jumbf_parse(const void *data, size_t n, lk_arena *arena, jumbf_box **out, lk_error *err);
bool jumbf_is(const jumbf_box *b, const char type[4]); /* a superbox whose UUID is type's */
/* The only content box when it is of this type, else NULL. */
const jumbf_box *jumbf_only(const jumbf_box *b, uint32_t type);

/* Writing: open a superbox, put boxes into it, close it. */
size_t jumbf_open(lk_bytes *o, const char type[4], const char *label);
void jumbf_close(lk_bytes *o, size_t at);
void jumbf_content(lk_bytes *o, const char type[4], const void *data, size_t n);

/* --- cose.c: COSE_Sign1 (RFC 9052) as C2PA uses it ---------------------------------------- */

#define COSE_MAX_CHAIN 10
typedef struct cose_sign1 {
    const uint8_t *head; /* encoded header map */
    size_t head_n;
    lk_pk_alg alg;
    lk_der chain[COSE_MAX_CHAIN]; /* point into the message: not to be freed */
    int chain_count;
    const uint8_t *sig;
    size_t sig_n;
    int stamp;              /* 0 none, 1 sigTst (over the claim), 2 sigTst2 (over the signature) */
    const uint8_t *token;   /* the first time-stamp token */
    size_t token_n;
} cose_sign1;
/* code: the specification's name of what is wrong. */
lk_status cose_parse(const void *data, size_t n, int claim_version, lk_arena *arena, cose_sign1 *out, const char **code,
                     lk_error *err);
/* What the signature is over, and what a time stamp is over. */
void cose_to_sign(lk_bytes *o, const void *head, size_t head_n, const void *claim, size_t claim_n);
void cose_to_stamp(lk_bytes *o, const cose_sign1 *c, const void *claim, size_t claim_n);
/* Sign the claim. Without a time stamp the size depends on the signer alone. dry: zeros of the same size, nothing is
 * signed and nobody is asked for the time. */
lk_status cose_make(const c2pa_signer *signer, const void *claim, size_t claim_n, bool dry, lk_bytes *o, lk_error *err);

/* A map of entry (one key and value, or nothing) and zeros under "pad", of exactly total bytes; false: entry is too long.
 * entry.failed is handed on to o. */
bool cose_fill(lk_bytes *o, const lk_bytes *entry, size_t total);

/* --- store.c: a store's bytes -> manifests ------------------------------------------------ */

/* Hashes of one piece of the store, each computed once however often it is asked for: a store of 32 MiB may hold
 * thousands of links to the same piece. */
typedef struct c2pa_hashes { bool have[3]; uint8_t b[3][64]; } c2pa_hashes;

typedef struct c2pa_part { /* an assertion in its box */
    const char *label;  /* "c2pa.ingredient.v3__1" */
    const char *kind;   /* "c2pa.ingredient": without version and instance */
    int version;        /* 3; 1 when none is written */
    const char *uri;    /* absolute */
    const jumbf_box *box;
    const lk_cbor *cbor; /* content of the kinds that are looked into, else NULL */
    c2pa_hashes hashes; /* of its box's content */
    bool created, gathered; /* where the claim lists it; a v1 claim's one list counts as created */
} c2pa_part;

typedef struct c2pa_unit { /* a manifest in its box */
    const char *label, *uri; /* "self#jumbf=/c2pa/LABEL" */
    const char *signature_uri;
    const jumbf_box *box, *signature, *data; /* data: the box of data boxes, NULL = none */
    bool update;
    const uint8_t *claim_bytes;
    size_t claim_n;
    const lk_cbor *claim;
    int claim_version;
    const char *alg; /* of hashes */
    c2pa_hashes box_hashes, signature_hashes, claim_hashes;
    c2pa_part *parts;
    int part_count;
    cose_sign1 cose;
    bool has_cose;
    /* while judging: */
    lk_cert_verdict verdict;
    int64_t signed_at;
    bool judged, judging;
} c2pa_unit;

typedef struct c2pa_store {
    const jumbf_box *box;
    c2pa_unit *units; /* in order; the last one is active */
    int count;
    int items;        /* CBOR items kept */
} c2pa_store;

/* By structure alone. On LK_E_FORMAT code names the failure and url (may stay NULL) what it is about. */
lk_status c2pa_store_parse(const void *data, size_t n, lk_arena *arena, c2pa_store *out, const char **code,
                           const char **url, lk_error *err);
c2pa_unit *c2pa_store_find(const c2pa_store *s, const char *label);
c2pa_unit *c2pa_store_find_uri(const c2pa_store *s, const char *uri);
/* "self#jumbf=/c2pa/LABEL/..." is absolute, "self#jumbf=c2pa.assertions/..." relative. */
bool c2pa_uri_absolute(const char *uri);
bool c2pa_uri_in(const char *uri, const c2pa_unit *u); /* absolute, and of this manifest */
const char *c2pa_uri_part(const char *uri);            /* an assertion's label, inside uri; NULL: no assertion */
c2pa_part *c2pa_unit_part(const c2pa_unit *u, const char *label);

/* --- hashed URIs -------------------------------------------------------------------------- */

typedef struct c2pa_link {
    const char *url, *alg; /* alg NULL: the claim's */
    const uint8_t *hash;
    size_t hash_n;
} c2pa_link;
/* LK_E_FORMAT: it is none. LK_E_NOMEM. */
lk_status c2pa_link_read(const lk_cbor *v, lk_arena *arena, c2pa_link *out);
typedef enum c2pa_match { C2PA_SAME, C2PA_DIFFERENT, C2PA_UNKNOWN_ALG, C2PA_NO_MEMORY } c2pa_match;
/* Is the link's hash that of data? alg: where the link names none. */
c2pa_match c2pa_link_matches(const c2pa_link *link, const char *alg, c2pa_hashes *known, const void *data, size_t n);

/* --- verify*.c ---------------------------------------------------------------------------- */

typedef struct judge_step { /* one ingredient assertion on the way from the active manifest down to where judging is */
    const c2pa_unit *unit;     /* the ingredient's manifest */
    const char *uri;           /* of the assertion */
    const lk_cbor *results;    /* what the claim above recorded: validationResults, validationStatus, or NULL */
    bool updated;              /* the claim above only updates this manifest, which therefore must hold itself */
} judge_step;

typedef struct judge {
    lk_arena *arena;
    const char *path;
    c2pa_layout layout;
    const lk_der *anchors;
    int anchor_count;
    int64_t at;
    c2pa_store store;
    c2pa_finding *findings;
    int count, room;
    bool overflow; /* more findings than are kept */
    judge_step steps[C2PA_MAX_DEPTH];
    int depth;
    lk_status failed; /* no memory, unreadable file: judging cannot go on */
    lk_error *err;
} judge;

enum { GOOD, INFO, BAD };
void judge_say(judge *j, int severity, const char *code, const char *url, const char *fmt, ...) LK_PRINTF(5, 6);
void judge_no_memory(judge *j);
/* Is this failure of an ingredient stated by a claim above it? */
bool judge_recorded(const judge *j, const char *code, const char *url);

/* verify_claim.c: signature, certificate, time stamp; then every assertion, listed once and hashed as listed. */
void judge_signature(judge *j, c2pa_unit *u);
void judge_assertions(judge *j, c2pa_unit *u);
/* Does a claim above u redact this assertion of u? */
bool judge_redacted(const judge *j, const c2pa_unit *u, const char *part_label);
bool judge_redacts(const judge *j, const c2pa_unit *u); /* any of u's */

/* verify_rules.c: what actions and ingredients must be like. */
void judge_actions(judge *j, c2pa_unit *u);
void judge_parents(judge *j, const c2pa_unit *u);
typedef struct ingredient_view {
    const char *relationship; /* one of parentOf, componentOf, inputTo */
    const lk_cbor *manifest;  /* hashed URI: activeManifest or c2pa_manifest; NULL = none */
    const lk_cbor *signature; /* claimSignature */
    const lk_cbor *results;   /* validationResults or validationStatus */
} ingredient_view;
bool ingredient_view_read(const c2pa_part *p, ingredient_view *out); /* false: malformed */

/* schema.c: do fields hold what they should? */
void judge_schema(judge *j, c2pa_unit *u);
bool c2pa_schema_wants(const char *kind); /* looks into the CBOR of this kind of assertion */

/* verify_binding.c: is the file the one that u's hard binding tells of? */
void judge_binding(judge *j, const c2pa_unit *u);

/* verify.c: a store without its file, for fuzz/: all but the binding is judged. */
lk_status c2pa_verify_bytes(const void *data, size_t n, c2pa_report *out, lk_error *err);

/* describe.c: what a manifest says, for people: copies, nothing points into the store's bytes. false: no memory. */
bool c2pa_describe(judge *j, c2pa_manifest **out, int *count);

/* --- assertions.c, manifest.c: writing ---------------------------------------------------- */

enum { C2PA_MAX_INGREDIENTS = 64, C2PA_MAX_ACTIONS = 256 };

typedef struct c2pa_kept { /* what an ingredient's file carries */
    bool marked;           /* it has a store: report is ours of it */
    c2pa_report report;
    void *store;
    lk_arena *arena;       /* of box */
    const jumbf_box *box;  /* the store's manifests go into ours; NULL: they cannot (unreadable, or a label of theirs is
                              taken by another manifest), and the findings alone are kept */
    const char *active;
    lk_hash manifest, signature; /* of the superboxes' contents */
} c2pa_kept;

typedef struct c2pa_draft {
    const char *label;
    const c2pa_spec *spec;
    const c2pa_signer *signer;
    c2pa_format format;
    size_t pad;            /* more padding of c2pa.hash.data, 0 or 1 */
    const c2pa_kept *kept; /* one for each ingredient */
    char instance[64];     /* made up once, so that both passes write the same */
    char ingredient_instance[C2PA_MAX_INGREDIENTS][64];
} c2pa_draft;

typedef struct c2pa_written { /* the assertion store as far as it is written */
    struct { char label[40]; lk_hash hash; bool gathered; } row[C2PA_MAX_INGREDIENTS + 8];
    int count;
} c2pa_written;

/* assertions.c: all assertion boxes. hash NULL: the first pass, of exactly the same size. */
void c2pa_write_assertions(const c2pa_draft *d, const c2pa_range *hole, const c2pa_digest *hash, lk_bytes *o,
                           c2pa_written *w);
void c2pa_write_link(lk_bytes *o, const char *url, const lk_hash *hash, bool with_alg);

/* manifest.c: a whole store. dry: nothing is signed. */
lk_status c2pa_draft_write(const c2pa_draft *d, const c2pa_range *hole, const c2pa_digest *hash, bool dry, lk_bytes *o,
                           lk_error *err);
/* The exclusions of our own c2pa.hash.bmff.v3. */
enum { C2PA_BMFF_SKIPS = 3 };
void c2pa_bmff_skips(c2pa_bmff_skip skip[C2PA_BMFF_SKIPS]);

#endif
