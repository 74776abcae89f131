/* trace.c: the trace job: the lineage of one file as a tree in words, as JSON, and as a picture. */
#include "studio/lineage.h"

#include <stdio.h>
#include <string.h>

/* --- words ------------------------------------------------------------------------------------------------ */

typedef struct telling {
    lk_project *p;
    lk_graph *g;
    lk_line_fn out;
    void *user;
    lk_text line;
} telling;

static void say(telling *t)
{
    if (!t->line.failed) t->out(t->user, t->line.s);
    t->line.len = 0;
}

static void add_about(telling *t, const lk_graph_node *n)
{
    char hex[LK_HASH_HEX], when[32];
    const lk_asset *a = &n->asset;
    lk_hash_hex(&a->hash, hex);
    if (!strcmp(a->kind, "unknown")) {
        lk_text_add(&t->line, "a file that was never taken in, %.16s...", hex);
        return;
    }
    lk_time_iso(a->created, when);
    lk_text_add(&t->line, "%s %s (%s, %s)", a->kind, *n->where ? n->where : hex, lk_file_state_word(n->state), when);
    if (*a->note) lk_text_add(&t->line, ": %s", a->note);
}

static void branch(telling *t, int at, bool up, int depth)
{
    lk_graph *g = t->g;
    lk_graph_node *n = &g->nodes[at];
    lk_text_add(&t->line, "%*s- ", 2 * depth, "");
    add_about(t, n);
    bool again = n->told, more = false;
    for (int i = 0; i < g->edge_count; i++) more = more || (up ? g->edges[i].child : g->edges[i].parent) == at;
    if (again && more) lk_text_add(&t->line, " (as above)");
    say(t);
    if (again) return;
    n->told = true;
    for (int i = 0; i < g->edge_count; i++)
        if ((up ? g->edges[i].child : g->edges[i].parent) == at) branch(t, up ? g->edges[i].parent : g->edges[i].child, up, depth + 1);
}

static void side(telling *t, const char *title, const char *none, bool up)
{
    lk_graph *g = t->g;
    int count = 0;
    for (int i = 0; i < g->edge_count; i++) count += (up ? g->edges[i].child : g->edges[i].parent) == 0;
    lk_text_add(&t->line, "%s", count ? title : none);
    say(t);
    for (int i = 0; i < g->edge_count; i++)
        if ((up ? g->edges[i].child : g->edges[i].parent) == 0) branch(t, up ? g->edges[i].parent : g->edges[i].child, up, 1);
}

static lk_status tell(lk_project *p, lk_graph *g, const char *how, lk_line_fn out, void *user, lk_error *err)
{
    telling t = {.p = p, .g = g, .out = out, .user = user};
    char hex[LK_HASH_HEX];
    const lk_graph_node *n = &g->nodes[0];
    add_about(&t, n);
    say(&t);
    lk_hash_hex(&n->asset.hash, hex);
    lk_text_add(&t.line, "  sha-256 %s", hex);
    say(&t);
    if (*how) {
        lk_text_add(&t.line, "  found by %s: the file itself is not the one that was made", how);
        say(&t);
    }
    for (int i = 0; i < n->record_count; i++) {
        const lk_graph_record *r = &g->records[n->records[i]];
        lk_text_add(&t.line, "  stands on consent %s of %s (%s)", r->id, r->subject, r->state);
        say(&t);
    }
    side(&t, "came from", "came from nothing that is known here", true);
    for (int i = 1; i < g->node_count; i++) g->nodes[i].told = false;
    side(&t, "made from it", "nothing was made from it", false);
    if (g->cut) {
        lk_text_add(&t.line, "and more: only the nearest %d are shown", LK_GRAPH_MAX);
        say(&t);
    }
    bool failed = t.line.failed;
    lk_text_clear(&t.line);
    return failed ? LK_FAIL(err, LK_E_NOMEM, "no memory to tell the lineage") : LK_OK;
}

/* --- JSON --------------------------------------------------------------------------------------------------- */

static void pair(lk_text *t, const char *key, const char *value)
{
    lk_text_add(t, ",\"%s\":", key);
    lk_json_quote(t, value);
}

static void node_json(lk_text *t, const lk_graph *g, const lk_graph_node *n)
{
    char hex[LK_HASH_HEX], when[32];
    lk_hash_hex(&n->asset.hash, hex);
    lk_time_iso(n->asset.created, when);
    lk_text_add(t, "{\"sha256\":\"%s\",\"depth\":%d", hex, n->depth);
    pair(t, "kind", n->asset.kind);
    if (strcmp(n->asset.kind, "unknown")) {
        pair(t, "path", n->where);
        pair(t, "note", n->asset.note);
        pair(t, "made", when);
        pair(t, "state", lk_file_state_word(n->state));
    }
    lk_text_add(t, ",\"records\":[");
    for (int i = 0; i < n->record_count; i++) {
        const lk_graph_record *r = &g->records[n->records[i]];
        lk_text_add(t, "%s{\"id\":\"%s\"", i ? "," : "", r->id);
        pair(t, "subject", r->subject);
        pair(t, "state", r->state);
        lk_text_add(t, "}");
    }
    lk_text_add(t, "]}");
}

static lk_status tell_json(const lk_graph *g, const char *what, const char *how, lk_line_fn out, void *user, lk_error *err)
{
    lk_text t = {0};
    lk_text_add(&t, "{\"asked\":");
    lk_json_quote(&t, what);
    pair(&t, "found_by", *how ? how : "its bytes");
    lk_text_add(&t, ",\"complete\":%s,\"nodes\":[", g->cut ? "false" : "true");
    for (int i = 0; i < g->node_count; i++) {
        if (i) lk_text_add(&t, ",");
        node_json(&t, g, &g->nodes[i]);
    }
    lk_text_add(&t, "],\"made_from\":[");
    for (int i = 0; i < g->edge_count; i++)
        lk_text_add(&t, "%s[%d,%d]", i ? "," : "", g->edges[i].child, g->edges[i].parent);
    lk_text_add(&t, "]}");
    bool failed = t.failed;
    if (!failed) out(user, t.s);
    lk_text_clear(&t);
    return failed ? LK_FAIL(err, LK_E_NOMEM, "no memory to tell the lineage") : LK_OK;
}

/* --- the job ------------------------------------------------------------------------------------------------- */

/* Boxes and words: no pixel of a person is in it. */
static lk_status write_picture(lk_project *p, const lk_graph *g, const char *path, lk_error *err)
{
    lk_image im = {0};
    lk_mark_desk *desk = NULL;
    bool own;
    LK_TRY(lk_graph_draw(g, &im, err));
    lk_status s = lk_project_desk(p, &desk, &own, err);
    const lk_mark_origin origin = {.action = "lineage picture", .desk = desk};
    if (s == LK_OK) s = lk_mark_still(path, &im, false, LK_LABEL_BOTTOM_LEFT, &origin, err);
    lk_image_clear(&im);
    return s;
}

lk_status lk_trace_run(lk_project *p, const lk_trace_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err)
{
    lk_hash h;
    char how[96];
    lk_graph g;
    LK_TRY(lk_find_asset(p, job->what, &h, how, cancel, progress, err));
    LK_TRY(lk_graph_make(p, &h, &g, cancel, err));
    lk_status s = job->json ? tell_json(&g, job->what, how, out, user, err) : tell(p, &g, how, out, user, err);
    if (s == LK_OK && job->picture) s = write_picture(p, &g, job->picture, err);
    lk_graph_clear(&g);
    return s;
}
