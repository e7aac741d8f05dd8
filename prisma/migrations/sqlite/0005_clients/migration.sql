-- AlterTable
ALTER TABLE "Token" ADD COLUMN "client" TEXT;
