-- CreateTable
CREATE TABLE "Certificate" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "ownerId" INTEGER NOT NULL,
    "certificate" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "commonName" TEXT,
    "san" JSONB NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "starts" DATETIME NOT NULL,
    "expires" DATETIME NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Certificate_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Tls" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "httpsEnforced" BOOLEAN,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Tls_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Domain" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "domain" TEXT NOT NULL,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "certificateId" INTEGER,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Domain_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Domain_certificateId_fkey" FOREIGN KEY ("certificateId") REFERENCES "Certificate" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_Domain" ("appUuid", "createdAt", "domain", "id", "owner", "updatedAt") SELECT "appUuid", "createdAt", "domain", "id", "owner", "updatedAt" FROM "Domain";
DROP TABLE "Domain";
ALTER TABLE "new_Domain" RENAME TO "Domain";
CREATE UNIQUE INDEX "Domain_domain_key" ON "Domain"("domain");
CREATE INDEX "Domain_appUuid_idx" ON "Domain"("appUuid");
CREATE INDEX "Domain_certificateId_idx" ON "Domain"("certificateId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_name_key" ON "Certificate"("name");

-- CreateIndex
CREATE INDEX "Certificate_ownerId_idx" ON "Certificate"("ownerId");

-- CreateIndex
CREATE INDEX "Tls_appUuid_createdAt_idx" ON "Tls"("appUuid", "createdAt");
