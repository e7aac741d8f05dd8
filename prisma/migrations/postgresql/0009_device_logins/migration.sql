-- CreateTable
CREATE TABLE "DeviceLogin" (
    "hash" TEXT NOT NULL,
    "userCode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "wrong" INTEGER NOT NULL,
    "userId" INTEGER,
    "polledAt" TIMESTAMP(3),
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "DeviceLogin_pkey" PRIMARY KEY ("hash")
);

-- CreateIndex
CREATE UNIQUE INDEX "DeviceLogin_userCode_key" ON "DeviceLogin"("userCode");

-- CreateIndex
CREATE INDEX "DeviceLogin_createdAt_idx" ON "DeviceLogin"("createdAt");

-- CreateIndex
CREATE INDEX "DeviceLogin_userId_idx" ON "DeviceLogin"("userId");

-- AddForeignKey
ALTER TABLE "DeviceLogin" ADD CONSTRAINT "DeviceLogin_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;
