-- CreateTable
CREATE TABLE "DeviceLogin" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "userCode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "wrong" INTEGER NOT NULL,
    "userId" INTEGER,
    "polledAt" DATETIME,
    "createdAt" DATETIME NOT NULL,
    CONSTRAINT "DeviceLogin_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "DeviceLogin_userCode_key" ON "DeviceLogin"("userCode");

-- CreateIndex
CREATE INDEX "DeviceLogin_createdAt_idx" ON "DeviceLogin"("createdAt");

-- CreateIndex
CREATE INDEX "DeviceLogin_userId_idx" ON "DeviceLogin"("userId");
