-- AlterTable
ALTER TABLE "AcmeName" ADD COLUMN     "stagedAt" TIMESTAMP(3),
ADD COLUMN     "txtValue" TEXT;
