/* trace_picture.c: the lineage as boxes and lines: a column a step of the longest way, so that every line runs from left to
 * right: what it came from on the left, what was made from it on the right. Columns that would grow too long end in a line
 * that says how many are not shown. */
#include "studio/lineage.h"

#include <stdio.h>
#include <string.h>

enum { BOX_W = 292, BOX_H = 78, GAP_X = 90, GAP_Y = 20, MARGIN = 28, TITLE = 62, COLUMNS_MAX = 12, ROWS_MAX = 14, LETTERS = 256 };

typedef struct place { int column, row; } place;
#define NOWHERE (-1000000) /* column of what is not drawn */

static const float paper[3] = {0.985f, 0.985f, 0.975f}, ink[3] = {0.13f, 0.14f, 0.17f}, grey[3] = {0.46f, 0.47f, 0.5f},
                   line_rgb[3] = {0.62f, 0.64f, 0.68f}, red[3] = {0.74f, 0.16f, 0.12f};

static const float *color_of(const char *kind)
{
    static const struct { const char *kind; float rgb[3]; } rows[] = {
        {"media", {0.87f, 0.91f, 0.96f}},  {"dataset", {0.88f, 0.94f, 0.87f}}, {"model", {0.97f, 0.92f, 0.80f}},
        {"output", {0.95f, 0.86f, 0.88f}}, {"unknown", {0.91f, 0.91f, 0.91f}},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        if (!strcmp(rows[i].kind, kind)) return rows[i].rgb;
    return rows[LK_COUNT(rows) - 1].rgb;
}

/* What of a text fits into a box. The end of a name says more than its beginning: names of files differ there. */
static void fit(const char *s, float height, char out[LETTERS])
{
    const int room = BOX_W - 20;
    snprintf(out, LETTERS, "%s", s);
    for (size_t skip = 1, n = strlen(s); lk_draw_text_width(height, out) > room && skip < n; skip++)
        snprintf(out, LETTERS, "...%s", s + skip);
}

static void draw_node(lk_image *im, const lk_graph *g, const lk_graph_node *n, float x, float y, bool first)
{
    char text[200], cut[LETTERS], when[32], hex[LK_HASH_HEX];
    int ended = 0;
    lk_draw_fill(im, x, y, x + BOX_W, y + BOX_H, color_of(n->asset.kind), 1);
    lk_draw_box(im, x, y, x + BOX_W, y + BOX_H, first ? 3 : 1, ink);
    lk_hash_hex(&n->asset.hash, hex);
    fit(*n->where ? lk_path_base(n->where) : hex, 16, cut);
    lk_draw_text(im, x + 10, y + 8, 16, cut, ink);
    lk_time_iso(n->asset.created, when);
    if (strcmp(n->asset.kind, "unknown")) snprintf(text, sizeof text, "%s, %.10s, %s", n->asset.kind, when, lk_file_state_word(n->state));
    else snprintf(text, sizeof text, "never taken in");
    lk_draw_text(im, x + 10, y + 31, 14, text, grey);
    for (int i = 0; i < n->record_count; i++) ended += strcmp(g->records[n->records[i]].state, "valid") != 0;
    if (!n->record_count) return;
    snprintf(text, sizeof text, "%s", ended ? "consent ended: " : "");
    for (int i = 0, told = 0; i < n->record_count; i++) {
        const lk_graph_record *r = &g->records[n->records[i]];
        size_t at = strlen(text);
        if (!ended || strcmp(r->state, "valid")) snprintf(text + at, sizeof text - at, "%s%.60s", told++ ? ", " : "", r->subject);
    }
    fit(text, 14, cut);
    lk_draw_text(im, x + 10, y + 53, 14, cut, ended ? red : ink);
}

static void middle(const place *at, int first_column, const int *rows, int most, bool right, float *x, float *y)
{
    int c = at->column - first_column, tall = rows[c];
    float top = TITLE + MARGIN + (float)(most - tall) * (BOX_H + GAP_Y) / 2;
    *x = MARGIN + (float)c * (BOX_W + GAP_X) + (right ? BOX_W : 0);
    *y = top + (float)at->row * (BOX_H + GAP_Y) + BOX_H / 2.0f;
}

/* Steps from what was asked for, by the longest way: below 0 what it came from. */
static void longest_ways(const lk_graph *g, place *at)
{
    for (int i = 0; i < g->node_count; i++) at[i] = (place){g->nodes[i].depth, 0};
    bool moved = true;
    for (int round = 0; moved && round < g->node_count; round++) {
        moved = false;
        for (int i = 0; i < g->edge_count; i++) {
            int child = g->edges[i].child, parent = g->edges[i].parent;
            if (g->nodes[parent].depth < 0) {
                if (at[parent].column >= at[child].column) at[parent].column = at[child].column - 1, moved = true;
            } else if (at[child].column <= at[parent].column) {
                at[child].column = at[parent].column + 1, moved = true;
            }
        }
    }
}

/* Every node its column and row; what lies beyond the limits is counted. */
static void arrange(const lk_graph *g, place *at, int *first, int *columns, int rows[COLUMNS_MAX], int hidden[COLUMNS_MAX])
{
    int lo = 0, hi = 0;
    longest_ways(g, at);
    for (int i = 0; i < g->node_count; i++) {
        lo = LK_MIN(lo, at[i].column);
        hi = LK_MAX(hi, at[i].column);
    }
    lo = LK_MAX(lo, -COLUMNS_MAX / 2 + 1);
    hi = LK_MIN(hi, lo + COLUMNS_MAX - 1);
    *first = lo;
    *columns = hi - lo + 1;
    for (int i = 0; i < g->node_count; i++) {
        int d = at[i].column, c = d - lo;
        at[i] = (place){NOWHERE, 0};
        if (d < lo || d > hi) continue;
        if (rows[c] >= ROWS_MAX) hidden[c]++;
        else at[i] = (place){d, rows[c]++};
    }
}

lk_status lk_graph_draw(const lk_graph *g, lk_image *im, lk_error *err)
{
    int rows[COLUMNS_MAX] = {0}, hidden[COLUMNS_MAX] = {0}, first, columns, most = 1;
    char text[160];
    place *at = lk_alloc((size_t)g->node_count * sizeof *at);
    if (!at) return LK_FAIL(err, LK_E_NOMEM, "no memory for the picture of the lineage");
    arrange(g, at, &first, &columns, rows, hidden);
    for (int c = 0; c < columns; c++) most = LK_MAX(most, rows[c] + (hidden[c] > 0));
    int w = LK_MAX(2 * MARGIN + columns * BOX_W + (columns - 1) * GAP_X, 640);
    int h = TITLE + 2 * MARGIN + most * (BOX_H + GAP_Y);
    lk_status s = lk_image_new((w + 1) & ~1, (h + 1) & ~1, 3, im, err);
    if (s == LK_OK) {
        lk_draw_fill(im, 0, 0, (float)im->w, (float)im->h, paper, 1);
        lk_draw_text(im, MARGIN, 18, 24, "Lineage", ink);
        lk_draw_text(im, MARGIN, 48, 14, "left: what it came from   right: what was made from it", grey);
        for (int i = 0; i < g->edge_count; i++) {
            const place *child = &at[g->edges[i].child], *parent = &at[g->edges[i].parent];
            float x0, y0, x1, y1;
            if (child->column < first || parent->column < first) continue;
            middle(parent, first, rows, most, true, &x0, &y0);
            middle(child, first, rows, most, false, &x1, &y1);
            lk_draw_line(im, x0, y0, x1, y1, 2, line_rgb);
            lk_draw_dot(im, x1, y1, 4, line_rgb);
        }
        for (int i = 0; i < g->node_count; i++) {
            float x, y;
            if (at[i].column < first) continue;
            middle(&at[i], first, rows, most, false, &x, &y);
            draw_node(im, g, &g->nodes[i], x, y - BOX_H / 2.0f, i == 0);
        }
        for (int c = 0; c < columns; c++) {
            float x, y;
            if (!hidden[c]) continue;
            middle(&(place){first + c, rows[c]}, first, rows, most, false, &x, &y);
            snprintf(text, sizeof text, "and %d more", hidden[c]);
            lk_draw_text(im, x + 10, y - 8, 16, text, grey);
        }
    }
    lk_free(at);
    return s;
}
