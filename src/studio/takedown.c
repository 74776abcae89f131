/* takedown.c: from a file that somebody found to who made it, under which consent, whether that still stands, and a report
 * that can be sent to a platform as it is. Says what was found and what follows from it; never what is true of the world.
 */
#include "studio/lineage.h"

#include <stdio.h>
#include <string.h>

typedef struct report {
    lk_project *p;
    const lk_verify_report *v;
    const lk_graph *g;        /* NULL: the project knows nothing of it */
    char how[96];
    lk_text t;
} report;

static void hex_of(const lk_hash *h, char out[LK_HASH_HEX]) { lk_hash_hex(h, out); }

static const char *signer(const lk_verify_report *v)
{
    const c2pa_manifest *m = v->c2pa.active;
    if (!m || !m->has_signer) return NULL;
    return *m->signer.organization ? m->signer.organization : *m->signer.common_name ? m->signer.common_name : "unnamed";
}

/* --- 1: what was found ------------------------------------------------------------------------------------- */

static void the_file(report *r)
{
    char hex[LK_HASH_HEX], when[32];
    lk_text *t = &r->t;
    lk_time_iso(lk_wall_time(), when);
    hex_of(&r->v->sha256, hex);
    lk_text_add(t, "TAKEDOWN REPORT, written %s\n\n1. The file\n", when);
    lk_text_add(t, "   name     %s\n   size     %llu bytes%s%s\n   sha-256  %s\n", lk_path_base(r->v->path), (unsigned long long)r->v->size,
                *r->v->kind ? ", " : "", r->v->kind, hex);
}

static void the_marks(report *r)
{
    const lk_verify_report *v = r->v;
    const c2pa_manifest *m = v->c2pa.active;
    lk_text *t = &r->t;
    lk_text_add(t, "\n2. What its marks say (%s)\n", lk_origin_outcome_name(v->outcome));
    if (m) {
        static const char *const states[] = {"none", "does not fit the file: one of them was changed after signing",
                                             "intact; its signer is not on this trust list", "intact, by a trusted signer"};
        lk_text_add(t, "   manifest      %s\n   label         %s\n   signed by     %s%s\n", states[v->c2pa.state], m->label ? m->label : "?",
                    signer(v) ? signer(v) : "an unreadable signer", v->signer_is_demo ? " (a demo key)" : "");
        lk_text_add(t, "   made with     %s %s\n", m->generator ? m->generator : "?", m->generator_version ? m->generator_version : "");
        for (int i = 0; i < m->action_count; i++)
            if (m->actions[i].description && *m->actions[i].description)
                lk_text_add(t, "   action        %s (%s)\n", m->actions[i].description, m->actions[i].action ? m->actions[i].action : "?");
    } else {
        lk_text_add(t, "   manifest      none%s\n", v->c2pa_supported ? "" : ": this kind of file cannot carry one");
    }
    if (v->picture.found) lk_text_add(t, "   hidden mark   in the picture, %016llx%s\n", (unsigned long long)v->picture.id,
                                      v->picture.id & LK_MARK_SYNTHETIC ? ", of made pixels" : "");
    if (v->sound.found) lk_text_add(t, "   hidden mark   in the sound, %016llx\n", (unsigned long long)v->sound.id);
    if (!v->picture.found && !v->sound.found) lk_text_add(t, "   hidden mark   none was read\n");
}

/* --- 2: where it comes from ------------------------------------------------------------------------------------ */

static void the_job(report *r)
{
    char hex[LK_HASH_HEX], when[32];
    lk_text *t = &r->t;
    lk_text_add(t, "\n3. Where it comes from\n");
    if (!r->g) {
        lk_text_add(t, r->p ? "   The registry of %s knows no work that it could be, or be a copy of.\n"
                            : "   No project was asked (--project). Whoever signed it can: the registry of the studio that made it "
                              "knows the\n   footage, the model and the consent.\n", r->p ? r->p->dir : "");
        return;
    }
    const lk_graph_node *n = &r->g->nodes[0];
    hex_of(&n->asset.hash, hex);
    lk_time_iso(n->asset.created, when);
    lk_text_add(t, "   recognised by %s\n   work          %s of %s\n   sha-256       %s\n", *r->how ? r->how : "its bytes: it is the very file",
                *n->asset.note ? n->asset.note : n->asset.kind, when, hex);
    for (int i = 1; i < r->g->node_count; i++) {
        const lk_graph_node *a = &r->g->nodes[i];
        if (a->depth >= 0) continue;
        hex_of(&a->asset.hash, hex);
        lk_text_add(t, "   came from     %s %.16s..., %s\n", a->asset.kind, hex, strcmp(a->asset.kind, "unknown") ? lk_file_state_word(a->state)
                                                                                                            : "never taken in");
    }
}

static void the_consent(report *r, int *ended)
{
    lk_text *t = &r->t;
    const lk_verify_report *v = r->v;
    lk_text_add(t, "\n4. Consent\n");
    if (r->g && r->g->nodes[0].record_count) {
        const lk_graph_node *n = &r->g->nodes[0];
        for (int i = 0; i < n->record_count; i++) {
            const lk_graph_record *c = &r->g->records[n->records[i]];
            lk_consent_detail *d = lk_alloc(sizeof *d);
            bool shown = d && lk_consent_show(r->p->registry, c->id, d, NULL) == LK_OK;
            char until[32] = "", gone[32] = "";
            if (shown) lk_time_iso(d->brief.until, until);
            if (shown && d->brief.revoked) lk_time_iso(d->brief.revoked, gone);
            *ended += strcmp(c->state, "valid") != 0;
            lk_text_add(t, "   record        %s of %s: %s%s%s\n", c->id, c->subject, c->state, *gone ? " at " : "", gone);
            if (shown) lk_text_add(t, "                 agreed to \"%.300s\", project \"%.100s\", until %.10s\n", d->terms.statement, d->terms.project, until);
            lk_free(d);
        }
        return;
    }
    for (int i = 0; i < v->record_count; i++) {
        char hex[LK_HASH_HEX];
        hex_of(&v->records[i].hash, hex);
        *ended += v->records[i].known && strcmp(v->records[i].state, "valid") != 0;
        lk_text_add(t, "   record        %s\n", v->records[i].known ? v->records[i].id : hex);
        lk_text_add(t, "                 %s\n", v->records[i].known ? v->records[i].state : "named by the manifest by its hash; not in this project");
    }
    if (!v->record_count) lk_text_add(t, "   Nothing that was found names a consent record.\n");
}

/* --- 3: what to do --------------------------------------------------------------------------------------------------- */

static void what_follows(report *r, int ended)
{
    const lk_verify_report *v = r->v;
    lk_text *t = &r->t;
    bool ours = r->g != NULL, marked = v->outcome != LK_ORIGIN_UNKNOWN;
    lk_text_add(t, "\n5. What follows\n");
    if (ours && ended)
        lk_text_add(t, "   This project made it, under consent that has ended since (see 4). What was made before stays lawful or not by "
                       "what was agreed;\n   nothing new can be made. If the record says that outputs come down with it, ask for removal with 6.\n");
    else if (ours)
        lk_text_add(t, "   This project made it, and every consent that it stands on is good. If it is shown where or as what nobody agreed "
                       "to, that is\n   a use beyond the record: quote the statement in 4 and ask for removal with 6.\n");
    else if (marked)
        lk_text_add(t, "   It was made with software that marks its outputs, by somebody else. Ask the signer named in 2, who has the consent "
                       "records, and\n   ask for removal with 6 if they cannot show yours.\n");
    else
        lk_text_add(t, "   Its marks say nothing: most files carry none, and that is no sign of anything. Whether it is made must be examined; the "
                       "law does\n   not ask for marks when you are shown in it without consent.\n");
    lk_text_add(t, "\n6. To send to a platform\n\n");
    lk_text_add(t, "   Subject: removal of synthetic media that shows a person without valid consent\n\n"
                   "   I ask you to remove the following file and copies of it.\n");
    char hex[LK_HASH_HEX];
    hex_of(&v->sha256, hex);
    lk_text_add(t, "   - SHA-256 of the file as it was found: %s\n   - found at (address, date): ______________________________\n", hex);
    if (ours) {
        hex_of(&r->g->nodes[0].asset.hash, hex);
        lk_text_add(t, "   - It is synthetic media (%s). SHA-256 of the original: %s\n", *r->g->nodes[0].asset.note ? r->g->nodes[0].asset.note : "made media", hex);
    } else if (v->picture.found || v->sound.found || (v->c2pa.active && marked)) {
        lk_text_add(t, "   - It carries %s that declares synthetic media%s%s.\n", v->c2pa.active ? "a C2PA manifest" : "a hidden mark",
                    signer(v) ? ", signed by " : "", signer(v) ? signer(v) : "");
    }
    if (ended) lk_text_add(t, "   - The consent that it was made under was withdrawn or has ended.\n");
    lk_text_add(t, "   - I am the person shown, or act for them: ______________________________\n"
                   "   - The statements above are true to the best of my knowledge. Name, date, signature: ____________________\n\n"
                   "   Anybody can check the file's marks with the free and open verifier: likeness verify FILE\n"
                   "   In the United States intimate images must be removed within 48 hours of such a request (TAKE IT DOWN Act); in the European\n"
                   "   Union use the notice form of the platform (Digital Services Act, art. 16). This is no legal advice.\n");
}

static lk_status lines(char *text, lk_line_fn out, void *user)
{
    for (char *line = text, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        out(user, line);
    }
    return LK_OK;
}

lk_status lk_takedown_run(lk_project *p, const lk_takedown_job *job, int *outcome, lk_line_fn out, void *user,
                          const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_graph g = {.nodes = NULL};
    lk_hash asset;
    int ended = 0;
    report r = {.p = p};
    lk_verify_report *v = lk_calloc(1, sizeof *v);
    if (!v) return LK_FAIL(err, LK_E_NOMEM, "no memory for a report on %s", job->path);
    lk_status s = lk_find_verify(p, job->path, job->trust, false, v, cancel, progress, err);
    if (s != LK_OK) {
        lk_free(v);
        return s;
    }
    r.v = v;
    *outcome = (int)v->outcome;
    lk_asset row;
    bool found = p && lk_asset_find(p->registry, &v->sha256, &row, NULL) == LK_OK;
    if (found) asset = v->sha256;
    else found = lk_find_by_marks(p, v, &asset, r.how);
    if (found) LK_GOTO(done, lk_graph_make(p, &asset, &g, cancel, err));
    if (found) r.g = &g;
    the_file(&r);
    the_marks(&r);
    the_job(&r);
    the_consent(&r, &ended);
    what_follows(&r, ended);
    if (r.t.failed) s = LK_FAIL(err, LK_E_NOMEM, "no memory for a report on %s", job->path);
    if (s == LK_OK && job->report) s = lk_file_write_atomic(job->report, r.t.s, r.t.len, err);
    if (s == LK_OK) s = lines(r.t.s, out, user);
done:
    lk_text_clear(&r.t);
    lk_graph_clear(&g);
    lk_verify_clear(v);
    lk_free(v);
    return s;
}
