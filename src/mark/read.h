/* read.h: the reading half of mark/: what is known of where a file comes from. For anyone, about anyone's file, offline:
 * manifest, watermark, look-alikes in the registry, and whether the consent that it names still stands. Never says that a
 * file is real: no mark is no proof of anything. verify.c gathers, verify_text.c and verify_json.c tell.
 */
#ifndef LK_MARK_READ_H
#define LK_MARK_READ_H

#include "consent/consent.h"
#include "mark/c2pa/c2pa.h"
#include "mark/copies/copies.h"
#include "mark/watermark/watermark.h"

/* What the marks say together. The command exits with these numbers (0 and from 10 on, apart from its errors). */
typedef enum lk_origin_outcome {
    LK_ORIGIN_PROVEN = 0,         /* a manifest, intact, from a signer on the trust list */
    LK_ORIGIN_CLAIMED = 10,       /* a manifest, intact, from a signer that nobody vouches for here */
    LK_ORIGIN_MARKED = 11,        /* no manifest, but our watermark, or a registered copy: the manifest was lost */
    LK_ORIGIN_UNKNOWN = 12,       /* no mark found: nothing is known */
    LK_ORIGIN_BROKEN = 13,        /* a manifest that does not fit the file, or is damaged: changed after signing */
    LK_ORIGIN_CONTRADICTION = 14  /* the marks name different origins */
} lk_origin_outcome;
const char *lk_origin_outcome_name(lk_origin_outcome o); /* "proven"... */

#define LK_VERIFY_COPIES 8
#define LK_VERIFY_RECORDS 16
typedef struct lk_verify_record {
    lk_hash hash;             /* as the manifest names it */
    bool known;               /* found in this project's registry */
    char id[37], state[16];   /* "valid", "revoked"... */
    char subject[128];
} lk_verify_record;

typedef struct lk_verify_report {
    char path[1024], kind[32];      /* MIME type, or what the decoder says */
    lk_hash sha256;
    uint64_t size;
    lk_origin_outcome outcome;
    c2pa_report c2pa;               /* state NONE when the kind of file cannot carry one */
    bool c2pa_supported;
    bool looked_at_picture, looked_at_sound;
    wm_found picture, sound;        /* watermarks */
    bool signer_is_demo;
    bool mark_known;                /* a watermark's id is in the registry */
    lk_copy_entry marked;           /* that row */
    lk_copy_match copies[LK_VERIFY_COPIES];
    int copy_count;
    bool has_registry;              /* a project was given */
    lk_verify_record records[LK_VERIFY_RECORDS];
    int record_count;
} lk_verify_report;

typedef struct lk_verify_spec {
    const char *path;
    const lk_der *anchors;          /* trusted roots */
    int anchor_count;
    lk_registry *registry;          /* both NULL: nothing is looked up */
    lk_copies *copies;
    bool quick;                     /* manifest and registry only: do not decode */
} lk_verify_spec;
/* LK_E_NOTFOUND, LK_E_FORMAT: the file cannot be read at all; whatever its marks say is in the report. */
lk_status lk_verify_file(const lk_verify_spec *spec, lk_verify_report *out, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err);
void lk_verify_clear(lk_verify_report *r);
/* Plain words first, then details; one object. */
void lk_verify_text(const lk_verify_report *r, lk_text *out);
void lk_verify_json(const lk_verify_report *r, lk_text *out);

/* The id that is hidden in what a manifest of this label belongs to. Its highest bit tells made pixels or samples from
 * pictures that were only drawn upon (LK_MARK_SYNTHETIC), for whoever finds the mark without the manifest. */
#define LK_MARK_SYNTHETIC ((uint64_t)1 << 63)
uint64_t lk_mark_id_of(const char *manifest_label, bool synthetic);
bool lk_mark_id_fits(uint64_t id, const char *manifest_label);

#endif
