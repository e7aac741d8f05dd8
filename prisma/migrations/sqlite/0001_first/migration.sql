-- CreateTable
CREATE TABLE "User" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "username" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "password" TEXT NOT NULL,
    "firstName" TEXT NOT NULL,
    "lastName" TEXT NOT NULL,
    "isSuperuser" BOOLEAN NOT NULL,
    "isActive" BOOLEAN NOT NULL,
    "lastLogin" DATETIME,
    "dateJoined" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "Token" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "userId" INTEGER NOT NULL,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "Token_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Key" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "public" TEXT NOT NULL,
    "md5" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "userId" INTEGER NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Key_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "App" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "id" TEXT NOT NULL,
    "ownerId" INTEGER NOT NULL,
    "structure" JSONB NOT NULL,
    "deployBranch" TEXT,
    "destroying" BOOLEAN NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "App_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Grant" (
    "appUuid" TEXT NOT NULL,
    "userId" INTEGER NOT NULL,

    PRIMARY KEY ("appUuid", "userId"),
    CONSTRAINT "Grant_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Grant_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Config" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "values" TEXT NOT NULL,
    "registry" TEXT NOT NULL,
    "memory" JSONB NOT NULL,
    "cpu" JSONB NOT NULL,
    "tags" JSONB NOT NULL,
    "healthcheck" JSONB NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Config_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Build" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "image" TEXT NOT NULL,
    "sha" TEXT NOT NULL,
    "ref" TEXT NOT NULL,
    "procfile" JSONB NOT NULL,
    "dockerfile" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Build_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Release" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "owner" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "exception" TEXT,
    "configUuid" TEXT NOT NULL,
    "buildUuid" TEXT,
    "before" JSONB NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Release_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Release_configUuid_fkey" FOREIGN KEY ("configUuid") REFERENCES "Config" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Release_buildUuid_fkey" FOREIGN KEY ("buildUuid") REFERENCES "Build" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Domain" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "domain" TEXT NOT NULL,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Domain_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Settings" (
    "uuid" TEXT NOT NULL PRIMARY KEY,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "maintenance" BOOLEAN NOT NULL,
    "routable" BOOLEAN NOT NULL,
    "whitelist" JSONB NOT NULL,
    "autoscale" JSONB NOT NULL,
    "label" JSONB NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Settings_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App" ("uuid") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "User_username_key" ON "User"("username");

-- CreateIndex
CREATE INDEX "Token_userId_idx" ON "Token"("userId");

-- CreateIndex
CREATE UNIQUE INDEX "Key_name_key" ON "Key"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Key_sha256_key" ON "Key"("sha256");

-- CreateIndex
CREATE INDEX "Key_userId_idx" ON "Key"("userId");

-- CreateIndex
CREATE INDEX "Key_md5_idx" ON "Key"("md5");

-- CreateIndex
CREATE UNIQUE INDEX "App_id_key" ON "App"("id");

-- CreateIndex
CREATE INDEX "App_ownerId_idx" ON "App"("ownerId");

-- CreateIndex
CREATE INDEX "Grant_userId_idx" ON "Grant"("userId");

-- CreateIndex
CREATE INDEX "Config_appUuid_idx" ON "Config"("appUuid");

-- CreateIndex
CREATE INDEX "Build_appUuid_createdAt_idx" ON "Build"("appUuid", "createdAt");

-- CreateIndex
CREATE INDEX "Build_status_idx" ON "Build"("status");

-- CreateIndex
CREATE INDEX "Release_state_idx" ON "Release"("state");

-- CreateIndex
CREATE UNIQUE INDEX "Release_appUuid_version_key" ON "Release"("appUuid", "version");

-- CreateIndex
CREATE UNIQUE INDEX "Domain_domain_key" ON "Domain"("domain");

-- CreateIndex
CREATE INDEX "Domain_appUuid_idx" ON "Domain"("appUuid");

-- CreateIndex
CREATE INDEX "Settings_appUuid_createdAt_idx" ON "Settings"("appUuid", "createdAt");
