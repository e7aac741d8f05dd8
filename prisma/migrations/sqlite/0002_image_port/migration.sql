-- AlterTable
ALTER TABLE "Build" ADD COLUMN "port" INTEGER;
