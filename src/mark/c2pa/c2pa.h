/* c2pa.h: writing and judging C2PA manifests (claim v2, specification 2.2 with the 2.4 points that old readers bear).
 *
 * Writing: assertions.c, manifest.c build a store, sign.c embeds and signs it. Reading: jumbf.c (boxes), store.c
 * (manifests by structure), verify*.c (is it true?), describe.c, report.c (for people); cose.c is the signature's format,
 * asset.h where a store lives in a file. Claims of version 1 are read, never written.
 *
 * Strict: what the reference lets pass (something in padding, loose lengths, boxes nobody listed, two parents, an update
 * of a manifest that fails) is refused here; never the other way round. Not read: compressed manifests, bindings by
 * c2pa.hash.boxes or by Merkle trees of fragments, OCSP answers; nothing is ever fetched from a network. May include
 * base/ and mark/asset/ only.
 */
#ifndef LK_C2PA_H
#define LK_C2PA_H

#include "base/cbor.h"
#include "base/pki.h"
#include "mark/asset/asset.h"

/* --- making ------------------------------------------------------------------------------- */

typedef struct c2pa_signer {
    const lk_pk *key;
    const lk_der *chain;   /* leaf first, root not included */
    int chain_count;
    bool demo;             /* a demo key: the claim generator's name says so */
    const lk_der *anchors; /* roots against which ingredients' signers are judged; may be NULL */
    int anchor_count;
    /* Optional RFC 3161: given a request returns the response (lk_alloc'd). NULL = no time stamp. */
    lk_status (*time_stamp)(void *user, const void *request, size_t n, void **response, size_t *response_n, lk_error *err);
    void *time_stamp_user;
} c2pa_signer;

typedef struct c2pa_action {
    const char *action;        /* "c2pa.opened", "c2pa.created", "c2pa.edited", "c2pa.dubbed", "c2pa.watermarked" */
    const char *source_type;   /* IPTC digital source type URI; NULL = none (opened, watermarked) */
    const char *description;   /* NULL = none */
    int64_t when;              /* 0 = none */
    int ingredients[8];        /* indices into the spec's ingredients */
    int ingredient_count;
} c2pa_action;

typedef enum c2pa_relation { C2PA_PARENT_OF, C2PA_COMPONENT_OF, C2PA_INPUT_TO } c2pa_relation;
typedef struct c2pa_ingredient {
    c2pa_relation relation;
    const char *title, *format;  /* format: MIME type; may be NULL for a model */
    const char *instance_id;     /* NULL = made up */
    const char *description;
    bool model;                  /* dataTypes c2pa.types.model */
    const char *path;            /* when the file carries a manifest, it is kept whole; NULL = nothing to look at */
} c2pa_ingredient;

typedef struct c2pa_spec {
    const char *title;           /* file name */
    const c2pa_action *actions;  /* first opened or created */
    int action_count;
    const c2pa_ingredient *ingredients;
    int ingredient_count;
    const uint8_t *watermark;    /* soft binding value, NULL = none */
    size_t watermark_n;
    const char *watermark_alg;   /* such as "org.likeness.video.1" */
    const lk_hash *consent;      /* hashes of consent records: never personal data */
    int consent_count;
    int64_t log_index;           /* of the transparency log, -1 = none */
    bool no_training;            /* cawg.training-mining notAllowed */
} c2pa_spec;

/* File `in` to another file `out` (made or overwritten; may be the /proc/self/fd path of a nameless one) with a signed
 * manifest. out is removed on failure. fsync'd. label: of the active manifest, "urn:c2pa:..."; may be NULL. The file is
 * verified with our own reader before this returns: LK_E_MARK with the failed code when it does not pass (an expired
 * certificate, say). Ingredients' manifests are kept byte by byte, valid or not, with what our reader found; only one that
 * cannot be read, or whose label another one has already taken, is stated but not kept.
 * What `in` itself carries must be an ingredient's, else LK_E_ARG: nothing here strips a manifest. */
lk_status c2pa_sign_file(const char *in, const char *out, const c2pa_spec *spec, const c2pa_signer *signer, char label[64],
                         lk_error *err);
/* The label that the next signing would use may be needed beforehand (the watermark is made from it): make one and
 * hand it in by spec->... */
lk_status c2pa_label_new(char label[64], lk_error *err);
lk_status c2pa_sign_file_as(const char *label, const char *in, const char *out, const c2pa_spec *spec,
                            const c2pa_signer *signer, lk_error *err);

/* --- judging ------------------------------------------------------------------------------ */

typedef enum c2pa_state { C2PA_NONE, C2PA_INVALID, C2PA_VALID, C2PA_TRUSTED } c2pa_state;
const char *c2pa_state_name(c2pa_state s); /* "none", "invalid", "valid", "trusted" */

typedef struct c2pa_finding {
    const char *code;         /* the specification's: "claimSignature.validated", "assertion.dataHash.mismatch"... */
    const char *url;          /* JUMBF URI of what it is about */
    const char *explanation;
    int severity;             /* 0 success, 1 informational, 2 failure */
    const char *ingredient;   /* URI of the ingredient assertion through which it was found; NULL: the active manifest */
    bool recorded;            /* a failure of an ingredient that the claim which took it in states itself */
} c2pa_finding;

typedef struct c2pa_seen_action { const char *action, *source_type, *description, *when, *agent; } c2pa_seen_action;
typedef struct c2pa_manifest c2pa_manifest;
typedef struct c2pa_seen_ingredient {
    const char *title, *format, *relation, *instance_id, *description;
    const c2pa_manifest *manifest; /* when it carries one */
} c2pa_seen_ingredient;
struct c2pa_manifest {
    const char *label, *title, *generator, *generator_version, *instance_id;
    int claim_version;        /* 1 or 2 */
    const char *alg;          /* of the signature */
    lk_cert_info signer;
    bool has_signer;
    lk_cert_verdict verdict;
    int64_t signed_at;        /* by a time stamp, 0 = no trusted time */
    const char *const *assertions; /* labels */
    int assertion_count;
    const c2pa_seen_action *actions;
    int action_count;
    const c2pa_seen_ingredient *ingredients;
    int ingredient_count;
    const char *watermark_alg; /* soft binding, NULL = none */
    const uint8_t *watermark;
    size_t watermark_n;
    const lk_hash *consent;    /* our consent assertion */
    int consent_count;
    bool no_training;
};
typedef struct c2pa_report {
    lk_arena *arena;          /* owns everything below */
    c2pa_state state;
    c2pa_layout layout;
    const c2pa_manifest *active; /* NULL when none or unreadable */
    const c2pa_manifest *manifests; /* all of the store */
    int manifest_count;
    const c2pa_finding *findings;
    int finding_count;
} c2pa_report;
/* Judge a file: never fails because of what is in it (that is a finding and C2PA_INVALID), only for lack of memory, an
 * unreadable file (LK_E_IO, LK_E_NOTFOUND) or a kind of file that cannot carry a manifest here (LK_E_UNSUPPORTED).
 * anchors: trusted roots. at: the time to judge certificates at, 0 = now. */
lk_status c2pa_verify_file(const char *path, const lk_der *anchors, int anchor_count, int64_t at, c2pa_report *out,
                           lk_error *err);
void c2pa_report_clear(c2pa_report *r);
/* The report as JSON (manifest tree, findings). */
void c2pa_report_json(const c2pa_report *r, lk_text *out);

#endif
