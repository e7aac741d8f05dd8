-- AlterTable
ALTER TABLE "AcmeName" ADD COLUMN "stagedAt" DATETIME;
ALTER TABLE "AcmeName" ADD COLUMN "txtValue" TEXT;
