-- AlterTable
ALTER TABLE "Request" ADD COLUMN "hash" TEXT;
