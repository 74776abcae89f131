/* sqlite_fault.h: lets LK_FAULT_ALLOC reach SQLite's own memory too. Call
 * sqlite_fault_install first thing in main, before a database is opened. */
#ifndef LK_TESTS_SQLITE_FAULT_H
#define LK_TESTS_SQLITE_FAULT_H

#include <sqlite3.h>

#include "base/base.h"

static sqlite3_mem_methods sqlite_fault_real;

static void *sqlite_fault_malloc(int n)
{
    return lk_fault_hit(LK_FAULT_ALLOC) ? NULL : sqlite_fault_real.xMalloc(n);
}

static void *sqlite_fault_realloc(void *p, int n)
{
    return lk_fault_hit(LK_FAULT_ALLOC) ? NULL : sqlite_fault_real.xRealloc(p, n);
}

static bool sqlite_fault_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_fault_real) != SQLITE_OK) return false;
    sqlite3_mem_methods mine = sqlite_fault_real;
    mine.xMalloc = sqlite_fault_malloc;
    mine.xRealloc = sqlite_fault_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK;
}

#endif
