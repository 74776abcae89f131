/* vfs.c: a thin file layer over SQLite's own, so that the n-th read, write or
 * sync of a database can be made to fail like any other of the library. Passes
 * everything through, unchanged, when no fault is set. */
#include <pthread.h>

#include "store/internal.h"

typedef struct layer_file {
    sqlite3_file base; /* must be first: SQLite sees only this */
    sqlite3_file *real;
} layer_file;

/* Our file and the real one behind it share one block; keep the latter aligned. */
enum { REAL_OFFSET = (sizeof(layer_file) + 15) & ~15 };

static sqlite3_file *real(sqlite3_file *f) { return ((layer_file *)f)->real; }

static int file_close(sqlite3_file *f) { return real(f)->pMethods->xClose(real(f)); }
static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return real(f)->pMethods->xTruncate(real(f), n);
}
static int file_size(sqlite3_file *f, sqlite3_int64 *n) { return real(f)->pMethods->xFileSize(real(f), n); }
static int file_lock(sqlite3_file *f, int level) { return real(f)->pMethods->xLock(real(f), level); }
static int file_unlock(sqlite3_file *f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
static int file_reserved(sqlite3_file *f, int *out)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}
static int file_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
static int file_traits(sqlite3_file *f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
static void file_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int file_shm_unmap(sqlite3_file *f, int forget)
{
    return real(f)->pMethods->xShmUnmap(real(f), forget);
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static _Thread_local unsigned read_failures;

static int file_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
    int rc = lk_fault_hit(LK_FAULT_READ) ? SQLITE_IOERR_READ : real(f)->pMethods->xRead(real(f), data, n, at);
    read_failures +=
        rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ; /* short: past the end, which is in order */
    return rc;
}

unsigned store_read_failures(void) { return read_failures; }

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (lk_fault_hit(LK_FAULT_WRITE)) return SQLITE_FULL;
    return real(f)->pMethods->xWrite(real(f), data, n, at);
}

static int file_sync(sqlite3_file *f, int flags)
{
    if (lk_fault_hit(LK_FAULT_SYNC)) return SQLITE_IOERR_FSYNC;
    return real(f)->pMethods->xSync(real(f), flags);
}

/* Version 2: with the shared memory of WAL, without memory-mapped reading. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    sqlite3_vfs *below = vfs->pAppData;
    layer_file *mine = (layer_file *)f;
    mine->real = (sqlite3_file *)((char *)f + REAL_OFFSET);
    mine->real->pMethods = NULL;
    f->pMethods = NULL; /* on failure nothing may be closed */
    int rc = below->xOpen(below, name, mine->real, flags, out_flags);
    if (mine->real->pMethods) f->pMethods = &methods;
    return rc;
}

static sqlite3_vfs layer;

/* Tried again when it failed: a lack of memory passes. */
const char *store_vfs(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool registered;
    pthread_mutex_lock(&lock);
    sqlite3_vfs *below = registered ? NULL : sqlite3_vfs_find(NULL);
    if (below) {
        layer = *below; /* everything but opening is the real layer's own function */
        layer.pNext = NULL;
        layer.pAppData = below;
        layer.zName = "likeness";
        layer.szOsFile = REAL_OFFSET + below->szOsFile;
        layer.xOpen = layer_open;
        registered = sqlite3_vfs_register(&layer, 0) == SQLITE_OK;
    }
    bool ready = registered;
    pthread_mutex_unlock(&lock);
    return ready ? layer.zName : NULL;
}
