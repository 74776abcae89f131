/* render_sheet.c: the contact sheet: source, destination, result and truth side
 * by side, with names. A picture only; it leaves through mark/.
 */
#include <string.h>

#include "make/swap/swap.h"

#define GAP 8
#define TEXT 14

/* The picture of a cell, scaled to fit and centred. */
static lk_status place_cell(const lk_image *cell, lk_image *sheet, int x, int y, int cell_w, int cell_h,
                            lk_error *err)
{
    if (cell->w < 1 || cell->h < 1) return LK_OK;
    float k = LK_MIN((float)cell_w / (float)cell->w, (float)cell_h / (float)cell->h);
    int w = LK_MAX((int)(k * (float)cell->w + 0.5f), 1), h = LK_MAX((int)(k * (float)cell->h + 0.5f), 1);
    lk_image scaled;
    LK_TRY(lk_image_new(w, h, 3, &scaled, err));
    lk_image_resize(cell, &scaled, k < 1 ? LK_FILTER_AREA : LK_FILTER_CUBIC);
    lk_draw_paste(sheet, &scaled, x + (cell_w - w) / 2, y + (cell_h - h) / 2);
    lk_image_clear(&scaled);
    return LK_OK;
}

lk_status lk_swap_contact_sheet(const lk_image *cells, int rows, int columns, int cell_w, int cell_h,
                                const char *title, const char *const *column_names,
                                const char *const *row_names, lk_image *out, lk_error *err)
{
    static const float ink[3] = {0.92f, 0.92f, 0.92f}, dim[3] = {0.65f, 0.65f, 0.65f},
                       paper[3] = {0.11f, 0.11f, 0.12f};
    *out = (lk_image){0};
    if (rows < 1 || columns < 1 || cell_w < 8 || cell_h < 8 || rows > 1000 || columns > 100 ||
        cell_w > 4096 || cell_h > 4096)
        return LK_FAIL(err, LK_E_ARG, "a contact sheet of %d x %d cells of %d x %d px cannot be made", rows,
                       columns, cell_w, cell_h);
    for (int i = 0; i < rows * columns; i++)
        if (cells[i].w > 0 && cells[i].c != 3)
            return LK_FAIL(err, LK_E_ARG, "cell %d of the contact sheet is not an RGB picture", i);
    int head = (title ? TEXT + 2 * GAP : 0) + (column_names ? TEXT + GAP : 0), side = 0;
    for (int i = 0; row_names && i < rows; i++)
        if (row_names[i]) side = LK_MAX(side, lk_draw_text_width(TEXT - 2, row_names[i]) + GAP);
    LK_TRY(
        lk_image_new(side + GAP + columns * (cell_w + GAP), head + GAP + rows * (cell_h + GAP), 3, out, err));
    lk_draw_fill(out, 0, 0, (float)out->w, (float)out->h, paper, 1);
    if (title) lk_draw_text(out, GAP, GAP, TEXT + 2, title, ink);
    lk_status s = LK_OK;
    for (int x = 0; x < columns && s == LK_OK; x++) {
        int left = side + GAP + x * (cell_w + GAP);
        if (column_names && column_names[x])
            lk_draw_text(out, (float)left, (float)(head - TEXT), TEXT, column_names[x], ink);
        for (int y = 0; y < rows && s == LK_OK; y++)
            s = place_cell(&cells[y * columns + x], out, left, head + GAP + y * (cell_h + GAP), cell_w,
                           cell_h, err);
    }
    for (int y = 0; row_names && y < rows && s == LK_OK; y++)
        if (row_names[y])
            lk_draw_text(out, GAP, (float)(head + GAP + y * (cell_h + GAP)), TEXT - 2, row_names[y], dim);
    if (s != LK_OK) lk_image_clear(out);
    return s;
}
