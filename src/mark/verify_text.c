/* verify_text.c: a report in words: first what it means, for somebody who never heard of manifests, then the details. Every
 * sentence says what was found and not what is true of the world; none says that a file is real.
 */
#include <stdio.h>
#include <string.h>

#include "mark/read.h"

static const char *after_last(const char *uri)
{
    const char *slash = uri ? strrchr(uri, '/') : NULL;
    return slash ? slash + 1 : uri;
}

/* IPTC's terms in words. */
static const char *source_words(const char *uri)
{
    static const struct {
        const char *term, *words;
    } rows[] = {
        {"trainedAlgorithmicMedia", "made by a trained model"},
        {"compositeWithTrainedAlgorithmicMedia", "footage with parts made by a trained model"},
        {"algorithmicallyEnhanced", "changed by a program, without a trained model"},
        {"algorithmicMedia", "made by a program"},
        {"digitalCapture", "recorded with a camera or microphone"},
        {"humanEdits", "edited by a person"},
        {"composite", "put together from several sources"},
    };
    const char *term = after_last(uri);
    for (size_t i = 0; term && i < LK_COUNT(rows); i++)
        if (!strcmp(rows[i].term, term)) return rows[i].words;
    return term;
}

static bool made_by_model(const c2pa_manifest *m)
{
    for (int i = 0; i < m->action_count; i++) {
        const char *term = after_last(m->actions[i].source_type);
        if (term && (!strcmp(term, "trainedAlgorithmicMedia") || !strcmp(term, "compositeWithTrainedAlgorithmicMedia")))
            return true;
    }
    return false;
}

static const char *signer_name(const c2pa_manifest *m)
{
    if (!m->has_signer) return "an unreadable signer";
    return *m->signer.organization ? m->signer.organization : *m->signer.common_name ? m->signer.common_name : "an unnamed signer";
}

/* The first sentences: what a reader who stops here should know. */
static void headline(const lk_verify_report *r, lk_text *t)
{
    const c2pa_manifest *m = r->c2pa.active;
    const char *made = m && made_by_model(m) ? " It says that parts of it were made by a trained model." : "";
    switch (r->outcome) {
    case LK_ORIGIN_PROVEN:
        lk_text_add(t, "PROVEN ORIGIN. It carries a manifest signed by \"%s\", who is on your trust list, and nothing in the "
                       "file has changed since.%s\n", signer_name(m), made);
        break;
    case LK_ORIGIN_CLAIMED:
        lk_text_add(t, "CLAIMED ORIGIN. It carries a manifest and nothing in the file has changed since it was signed, but nobody "
                       "on your trust list vouches for the signer, \"%s\"%s: anybody can make such a name.%s\n", signer_name(m),
                    r->signer_is_demo ? " (a demo key)" : "", made);
        break;
    case LK_ORIGIN_MARKED:
        if (r->picture.found && !(r->picture.id & LK_MARK_SYNTHETIC))
            lk_text_add(t, "MARKED. It has no manifest any more, but the hidden mark of Likeness in its picture says that it was drawn "
                           "upon with this software (an analysis picture), not that a person in it was made.\n");
        else if (r->picture.found || r->sound.found)
            lk_text_add(t, "MARKED AS SYNTHETIC. It has no manifest any more, but the hidden mark of Likeness is in its %s: it was "
                           "made, or made from something that was made, with this software.\n",
                        r->picture.found ? "picture" : "sound");
        else
            lk_text_add(t, "A COPY OF A MADE FILE. It carries no mark that could be read, but it looks or sounds like an output that "
                           "this project registered.\n");
        break;
    case LK_ORIGIN_UNKNOWN:
        lk_text_add(t, "NOTHING IS KNOWN of its origin: no manifest, no mark of ours, no registered look-alike. That is no sign "
                       "that it is genuine, nor that it is not: most files carry nothing.\n");
        break;
    case LK_ORIGIN_BROKEN:
        lk_text_add(t, "BROKEN PROOF. It carries a manifest, but the file or the manifest was changed after signing, or the manifest "
                       "was never valid: what the manifest says cannot be relied on.\n");
        break;
    case LK_ORIGIN_CONTRADICTION:
        lk_text_add(t, "THE MARKS CONTRADICT EACH OTHER. Its manifest is intact, but the hidden mark belongs to another work: picture or "
                       "sound was taken from a marked file and signed anew.\n");
        break;
    }
}

static void manifest_lines(const lk_verify_report *r, lk_text *t)
{
    const c2pa_manifest *m = r->c2pa.active;
    lk_text_add(t, "\nManifest (C2PA): ");
    if (!r->c2pa_supported) {
        lk_text_add(t, "this kind of file cannot carry one here\n");
        return;
    }
    if (r->c2pa.state == C2PA_NONE) {
        lk_text_add(t, "none\n");
        return;
    }
    lk_text_add(t, "%s\n", c2pa_state_name(r->c2pa.state));
    if (m) {
        lk_text_add(t, "  made with      %s %s\n", m->generator ? m->generator : "an unnamed program",
                    m->generator_version ? m->generator_version : "");
        if (m->title) lk_text_add(t, "  as             %s\n", m->title);
        lk_text_add(t, "  label          %s\n", m->label);
        if (m->has_signer) {
            char from[32], until[32];
            lk_time_iso(m->signer.not_before, from);
            lk_time_iso(m->signer.not_after, until);
            lk_text_add(t, "  signer         %s (issued by %s), %s, certificate %.10s to %.10s\n", m->signer.subject,
                        m->signer.issuer, m->alg ? m->alg : "?", from, until);
        }
        if (m->signed_at) {
            char when[32];
            lk_time_iso(m->signed_at, when);
            lk_text_add(t, "  signed at      %s (trusted time stamp)\n", when);
        }
        for (int i = 0; i < m->action_count; i++) {
            const c2pa_seen_action *a = &m->actions[i];
            lk_text_add(t, "  %-14s %s%s%s%s%s%s\n", i ? "" : "what was done", a->action, a->description ? ": " : "",
                        a->description ? a->description : "", a->source_type ? " [" : "",
                        a->source_type ? source_words(a->source_type) : "", a->source_type ? "]" : "");
        }
        for (int i = 0; i < m->ingredient_count; i++)
            lk_text_add(t, "  %-14s %s (%s)%s\n", i ? "" : "made from", m->ingredients[i].title ? m->ingredients[i].title : "unnamed",
                        m->ingredients[i].relation, m->ingredients[i].manifest ? ", which carries a manifest of its own" : "");
        if (m->no_training) lk_text_add(t, "  wish           not to be used for training\n");
    }
    for (int i = 0; i < r->c2pa.finding_count; i++) {
        const c2pa_finding *f = &r->c2pa.findings[i];
        if (!strcmp(f->code, "signingCredential.untrusted")) continue; /* said above */
        if (f->severity == 2) lk_text_add(t, "  FAILED         %s: %s\n", f->code, f->explanation ? f->explanation : "");
    }
}

static void mark_lines(const char *what, bool looked, const wm_found *w, const lk_verify_report *r, lk_text *t)
{
    lk_text_add(t, "Hidden mark in the %s: ", what);
    if (!looked) {
        lk_text_add(t, "not looked for (no %s)\n", what);
        return;
    }
    if (!w->found) {
        lk_text_add(t, "none found\n");
        return;
    }
    lk_text_add(t, "id %016llx, strength %.1f deviations, %.0f %% of its bits damaged", (unsigned long long)w->id, w->z, w->errors * 100.0);
    /* A clip is read until the id is sure, which often takes its first picture alone. */
    if (w->end > w->begin) lk_text_add(t, ", sure from second %.1f to %.1f\n", w->begin, w->end);
    else lk_text_add(t, "\n");
    if (r->c2pa.active && lk_mark_id_fits(w->id, r->c2pa.active->label))
        lk_text_add(t, "  it belongs to this manifest\n");
    else if (r->mark_known && r->marked.watermark == w->id)
        lk_text_add(t, "  this project made it: %s, manifest %s\n", r->marked.path, r->marked.manifest);
    else if (r->has_registry)
        lk_text_add(t, "  this project's registry does not know it\n");
}

static void copy_lines(const lk_verify_report *r, lk_text *t)
{
    if (!r->has_registry) {
        lk_text_add(t, "Registry: none was looked into (name a project with --project)\n");
        return;
    }
    if (!r->copy_count) lk_text_add(t, "Registry: nothing that looks or sounds alike\n");
    for (int i = 0; i < r->copy_count; i++) {
        const lk_copy_match *c = &r->copies[i];
        char when[32];
        lk_time_iso(c->entry.created, when);
        if (c->exact)
            lk_text_add(t, "Registry: the same bytes as %s (%s, %.10s)\n", c->entry.path, c->entry.kind, when);
        else
            lk_text_add(t, "Registry: %.0f %% of it is like %s (%s, %.10s)%s%s\n", c->share * 100.0, c->entry.path, c->entry.kind,
                        when, c->by_sound ? ", by its sound" : "", c->turned ? ", turned or mirrored" : "");
    }
}

static void consent_lines(const lk_verify_report *r, lk_text *t)
{
    for (int i = 0; i < r->record_count; i++) {
        const lk_verify_record *v = &r->records[i];
        char hex[LK_HASH_HEX];
        lk_hash_hex(&v->hash, hex);
        if (v->known) lk_text_add(t, "Consent: %s, record %s: %s now\n", *v->subject ? v->subject : "?", v->id, v->state);
        else lk_text_add(t, "Consent: a record with hash %.16s... is named%s\n", hex,
                         r->has_registry ? ", which this project does not hold" : "");
    }
}

void lk_verify_text(const lk_verify_report *r, lk_text *t)
{
    char hex[LK_HASH_HEX];
    lk_hash_hex(&r->sha256, hex);
    lk_text_add(t, "%s\n", r->path);
    headline(r, t);
    manifest_lines(r, t);
    mark_lines("picture", r->looked_at_picture, &r->picture, r, t);
    mark_lines("sound", r->looked_at_sound, &r->sound, r, t);
    copy_lines(r, t);
    consent_lines(r, t);
    lk_text_add(t, "File: %s, %llu bytes, SHA-256 %s\n", *r->kind ? r->kind : "kind unknown", (unsigned long long)r->size, hex);
}
