-- AlterTable
ALTER TABLE "Domain" ADD COLUMN     "certificateId" INTEGER;

-- CreateTable
CREATE TABLE "Certificate" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "ownerId" INTEGER NOT NULL,
    "certificate" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "commonName" TEXT,
    "san" JSONB NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "starts" TIMESTAMP(3) NOT NULL,
    "expires" TIMESTAMP(3) NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Certificate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Tls" (
    "uuid" TEXT NOT NULL,
    "appUuid" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "httpsEnforced" BOOLEAN,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Tls_pkey" PRIMARY KEY ("uuid")
);

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_name_key" ON "Certificate"("name");

-- CreateIndex
CREATE INDEX "Certificate_ownerId_idx" ON "Certificate"("ownerId");

-- CreateIndex
CREATE INDEX "Tls_appUuid_createdAt_idx" ON "Tls"("appUuid", "createdAt");

-- CreateIndex
CREATE INDEX "Domain_certificateId_idx" ON "Domain"("certificateId");

-- AddForeignKey
ALTER TABLE "Domain" ADD CONSTRAINT "Domain_certificateId_fkey" FOREIGN KEY ("certificateId") REFERENCES "Certificate"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Certificate" ADD CONSTRAINT "Certificate_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Tls" ADD CONSTRAINT "Tls_appUuid_fkey" FOREIGN KEY ("appUuid") REFERENCES "App"("uuid") ON DELETE CASCADE ON UPDATE CASCADE;
