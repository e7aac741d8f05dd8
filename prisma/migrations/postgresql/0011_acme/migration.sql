-- AlterTable
ALTER TABLE "App" ADD COLUMN     "autoCerts" BOOLEAN;

-- AlterTable
ALTER TABLE "Tls" ADD COLUMN     "hsts" INTEGER;

-- CreateTable
CREATE TABLE "AcmeAccount" (
    "directory" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "url" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "AcmeAccount_pkey" PRIMARY KEY ("directory")
);

-- CreateTable
CREATE TABLE "AcmeName" (
    "host" TEXT NOT NULL,
    "domainId" INTEGER,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "nextAt" TIMESTAMP(3) NOT NULL,
    "leaseUntil" TIMESTAMP(3),
    "leaseBy" TEXT,
    "orderUrl" TEXT,
    "orderKey" TEXT,
    "challenges" TEXT,
    "errorType" TEXT,
    "errorDetail" TEXT,
    "errorAt" TIMESTAMP(3),
    "renewAt" TIMESTAMP(3),
    "windowStart" TIMESTAMP(3),
    "windowEnd" TIMESTAMP(3),
    "certificate" TEXT,
    "key" TEXT,
    "starts" TIMESTAMP(3),
    "expires" TIMESTAMP(3),
    "issuer" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "AcmeName_pkey" PRIMARY KEY ("host")
);

-- CreateIndex
CREATE UNIQUE INDEX "AcmeName_domainId_key" ON "AcmeName"("domainId");

-- CreateIndex
CREATE INDEX "AcmeName_nextAt_idx" ON "AcmeName"("nextAt");

-- AddForeignKey
ALTER TABLE "AcmeName" ADD CONSTRAINT "AcmeName_domainId_fkey" FOREIGN KEY ("domainId") REFERENCES "Domain"("id") ON DELETE SET NULL ON UPDATE CASCADE;
