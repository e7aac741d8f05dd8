-- AlterTable
ALTER TABLE "Build" ADD COLUMN "port" INTEGER;
ALTER TABLE "Build" ADD COLUMN "reference" TEXT;
