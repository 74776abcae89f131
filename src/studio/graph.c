/* graph.c: the lineage around one file: what it came from, step by step, and what was made from it. */
#include "studio/lineage.h"

#include <string.h>

void lk_graph_clear(lk_graph *g)
{
    for (int i = 0; i < g->node_count; i++) lk_free(g->nodes[i].records);
    lk_free(g->nodes);
    lk_free(g->edges);
    lk_free(g->records);
    memset(g, 0, sizeof *g);
}

/* Room for one more; NULL when there is no memory. */
static void *grown(void *list, int count, int *cap, size_t size)
{
    if (count < *cap) return list;
    int more = *cap * 2 + 32;
    void *bigger = lk_realloc(list, (size_t)count * size, (size_t)more * size);
    if (bigger) *cap = more;
    return bigger;
}

typedef struct building {
    lk_project *p;
    lk_graph *g;
    int at;                   /* whose neighbours are coming */
    bool up;
    lk_error *err;
} building;

static lk_status no_memory(lk_error *err) { return LK_FAIL(err, LK_E_NOMEM, "no memory for the lineage"); }

static int index_of(const lk_graph *g, const lk_hash *h)
{
    for (int i = 0; i < g->node_count; i++)
        if (!memcmp(g->nodes[i].asset.hash.b, h->b, LK_HASH_BYTES)) return i;
    return -1;
}

/* --- records ----------------------------------------------------------------------------------------- */

static lk_status add_record(void *user, const lk_consent_record *c, const char *state)
{
    building *b = user;
    lk_graph *g = b->g;
    lk_subject who;
    lk_graph_record *list = grown(g->records, g->record_count, &g->record_cap, sizeof *list);
    if (!list) return no_memory(b->err);
    g->records = list;
    lk_graph_record *r = &list[g->record_count++];
    memset(r, 0, sizeof *r);
    strcpy(r->id, c->id);
    strncpy(r->state, state, sizeof r->state - 1);
    if (lk_subject_find(b->p->registry, c->subject, &who, NULL) == LK_OK) strcpy(r->subject, who.name);
    return LK_OK;
}

static lk_status link_record(void *user, const char *id)
{
    building *b = user;
    lk_graph_node *n = &b->g->nodes[b->at];
    for (int i = 0; i < b->g->record_count; i++) {
        if (strcmp(b->g->records[i].id, id)) continue;
        int *list = lk_realloc(n->records, (size_t)n->record_count * sizeof *list, (size_t)(n->record_count + 1) * sizeof *list);
        if (!list) return no_memory(b->err);
        n->records = list;
        list[n->record_count++] = i;
    }
    return LK_OK;
}

/* --- nodes --------------------------------------------------------------------------------------------- */

static lk_status add_node(building *b, const lk_asset *a, int depth)
{
    lk_graph *g = b->g;
    lk_graph_node *list = grown(g->nodes, g->node_count, &g->node_cap, sizeof *list);
    if (!list) return no_memory(b->err);
    g->nodes = list;
    lk_graph_node *n = &list[g->node_count++];
    memset(n, 0, sizeof *n);
    n->asset = *a;
    n->depth = depth;
    n->state = strcmp(a->kind, "unknown") ? lk_file_look(b->p, a, n->where) : LK_FILE_GONE;
    int was = b->at;
    b->at = g->node_count - 1;
    lk_status s = lk_asset_records(b->p->registry, &a->hash, link_record, b, b->err);
    b->at = was;
    return s;
}

static lk_status add_neighbour(void *user, const lk_asset *a)
{
    building *b = user;
    lk_graph *g = b->g;
    int i = index_of(g, &a->hash);
    if (i < 0) {
        if (g->node_count >= LK_GRAPH_MAX) {
            g->cut = true;
            return LK_OK;
        }
        i = g->node_count;
        LK_TRY(add_node(b, a, g->nodes[b->at].depth + (b->up ? -1 : 1)));
    }
    lk_graph_edge *list = grown(g->edges, g->edge_count, &g->edge_cap, sizeof *list);
    if (!list) return no_memory(b->err);
    g->edges = list;
    list[g->edge_count++] = b->up ? (lk_graph_edge){b->at, i} : (lk_graph_edge){i, b->at};
    return LK_OK;
}

/* Breadth first, so that depth is the shortest way. In the other direction only what was asked for is walked again. */
static lk_status walk(building *b, bool up, const lk_cancel *cancel)
{
    lk_graph *g = b->g;
    b->up = up;
    for (int i = 0; i < g->node_count; i++) {
        if (lk_cancel_raised(cancel)) return LK_FAIL(b->err, LK_E_CANCELLED, "tracing was stopped");
        if (i && (g->nodes[i].depth < 0) != up) continue;
        b->at = i;
        LK_TRY(lk_asset_near(b->p->registry, &g->nodes[i].asset.hash, up, add_neighbour, b, b->err));
    }
    return LK_OK;
}

lk_status lk_graph_make(lk_project *p, const lk_hash *from, lk_graph *g, const lk_cancel *cancel, lk_error *err)
{
    building b = {.p = p, .g = g, .err = err};
    lk_asset first = {.hash = *from, .kind = "unknown"};
    memset(g, 0, sizeof *g);
    lk_error why = {0};
    lk_status s = lk_asset_find(p->registry, from, &first, &why);
    if (s == LK_E_NOTFOUND) s = LK_OK; /* somebody's parent, never added itself */
    else if (s != LK_OK) LK_FAIL(err, s, "%s", why.message);
    if (s == LK_OK) s = lk_consent_each(p->registry, NULL, add_record, &b, err);
    if (s == LK_OK) s = add_node(&b, &first, 0);
    if (s == LK_OK) s = walk(&b, true, cancel);
    if (s == LK_OK) s = walk(&b, false, cancel);
    if (s != LK_OK) lk_graph_clear(g);
    return s;
}
