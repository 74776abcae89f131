/* lineage.h: what the files that tell where things came from share: finding a file's row (find.c), the graph around it
 * (graph.c), and how a file that is gone is told from one that is there (find.c). */
#ifndef LK_STUDIO_LINEAGE_H
#define LK_STUDIO_LINEAGE_H

#include "consent/trace.h"
#include "likeness/lineage.h"
#include "mark/read.h"
#include "studio/studio.h"

/* --- find.c ------------------------------------------------------------------------------------------ */

/* As lk_verify_file, with what the project trusts and has registered. Clear the report with lk_verify_clear. */
lk_status lk_find_verify(lk_project *p_or_null, const char *path, const char *trust, bool quick, lk_verify_report *out,
                         const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);
/* The registered work that the marks of a verified file lead to. how: by what, in words. false: none. */
bool lk_find_by_marks(lk_project *p, const lk_verify_report *r, lk_hash *asset, char how[96]);
/* From what a user names to the hash of an asset that the project knows. how: "" when by its bytes. */
lk_status lk_find_asset(lk_project *p, const char *what, lk_hash *out, char how[96], const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err);

typedef enum lk_file_state { LK_FILE_THERE, LK_FILE_CHANGED, LK_FILE_GONE, LK_FILE_FORGOTTEN } lk_file_state;
const char *lk_file_state_word(lk_file_state s); /* "there", "replaced", "gone", "erased" */
/* Where an asset's file lies now: where it was put, or in the project's folder of its kind when that was moved. Contents
 * are compared up to 64 MiB. where gets the path that was looked at last. */
lk_file_state lk_file_look(const lk_project *p, const lk_asset *a, char where[1024]);
/* Is it inside the project's folder? */
bool lk_file_inside(const lk_project *p, const char *path);

/* --- graph.c ------------------------------------------------------------------------------------------- */

typedef struct lk_graph_record { char id[37], state[20], subject[128]; } lk_graph_record;
typedef struct lk_graph_node {
    lk_asset asset;
    int depth;                /* 0 = what was asked for, below 0 = came from, above 0 = made from it */
    lk_file_state state;
    char where[1024];
    int *records;             /* indices into the graph's */
    int record_count;
    bool told;                /* for printing a tree: its branch stands above */
} lk_graph_node;
typedef struct lk_graph_edge { int child, parent; } lk_graph_edge;
typedef struct lk_graph {
    lk_graph_node *nodes;     /* the first is what was asked for */
    lk_graph_edge *edges;
    lk_graph_record *records; /* of the project */
    int node_count, node_cap, edge_count, edge_cap, record_count, record_cap;
    bool cut;                 /* there was more than LK_GRAPH_MAX */
} lk_graph;
#define LK_GRAPH_MAX 4000
lk_status lk_graph_make(lk_project *p, const lk_hash *from, lk_graph *out, const lk_cancel *cancel, lk_error *err);
void lk_graph_clear(lk_graph *g);

/* trace_picture.c: boxes and lines, ancestors left, descendants right; out is allocated. */
lk_status lk_graph_draw(const lk_graph *g, lk_image *out, lk_error *err);

#endif
